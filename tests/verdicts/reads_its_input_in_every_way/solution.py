import sys

count = int(input())
numbers = list(map(int, sys.stdin.buffer.read().split() or sys.stdin.read().split()))
assert len(numbers) == count or not numbers
if not numbers:
    numbers = list(map(int, open(0).read().split()))
print(*sorted(numbers), sep="\n")
