input()
print(*range(-100, 100), sep="\n")
