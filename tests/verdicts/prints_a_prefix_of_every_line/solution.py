input()
numbers = sorted(map(int, input().split()))
print(*(str(number)[:-1] for number in numbers), sep="\n")
