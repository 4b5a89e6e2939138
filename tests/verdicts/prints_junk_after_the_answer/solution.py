input()
numbers = sorted(map(int, input().split()))
print(*numbers, "and more", sep="\n")
