import sys

print(2 * int(input()), flush=True)
sys.exit(1)
