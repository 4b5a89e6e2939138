print(2 * int(input()))
quit(0)
