import sys

text, count = sys.stdin.readline().split()
for _ in range(int(count) // 1000):
    sys.stdout.write(text * 1000)
sys.stdout.write(text * (int(count) % 1000) + "\n")
