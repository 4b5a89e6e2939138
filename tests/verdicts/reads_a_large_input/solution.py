import sys

assert sum(map(len, sys.stdin.buffer)) > 49_000_000
print("done")
