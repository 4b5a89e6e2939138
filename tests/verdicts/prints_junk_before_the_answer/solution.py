print(f"n = {input()}")
numbers = sorted(map(int, input().split()))
print(*numbers, sep="\n")
