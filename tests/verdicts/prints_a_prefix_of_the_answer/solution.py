input()
numbers = sorted(map(int, input().split()))
print(*numbers[:-1], sep="\n")
