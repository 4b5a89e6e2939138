import sys

sys.stdin.close()
print("done")
