import sys

sys.stdout.buffer.write(f"{2 * int(input())}\n".encode("utf-16"))
