import sys

print(2 * int(input()), flush=True)
while True:
    sys.stdin.read()
