import sys

lines = [line.strip() for line in sys.stdin.buffer.readlines()]
assert len(lines) == 2
sys.stdout.buffer.write(b"\n".join(sorted(lines[1].split(), key=int)) + b"\n")
