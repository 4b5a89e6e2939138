import sys

sys.stdout = sys.stderr
sys.__stdout__.write(f"{2 * int(input())}\n")
