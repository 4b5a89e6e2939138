print(2 * int(input()), flush=True)
1 / 0
