import os

input()
numbers = sorted(map(int, input().split()))
print(*numbers, sep="\n", flush=True)
os._exit(0)
