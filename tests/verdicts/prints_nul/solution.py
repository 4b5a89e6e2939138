print(f"{2 * int(input())}\0")
