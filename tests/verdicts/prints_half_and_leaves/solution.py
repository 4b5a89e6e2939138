import os

input()
numbers = sorted(map(int, input().split()))
print(*numbers[:1], sep="\n", flush=True)
os._exit(0)
