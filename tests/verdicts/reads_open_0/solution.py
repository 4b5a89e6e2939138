count, *numbers = map(int, open(0).read().split())
print("\n".join(map(str, sorted(numbers))))
