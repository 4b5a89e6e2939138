import sys

print(2 * int(input()))
sys.stdin.close()
sys.stdout.close()
sys.stderr.close()
