import sys

number = int(input())
for _ in range(1000):
    assert sys.stdin.read() == ""
    assert sys.stdin.readline() == ""
print(2 * number)
