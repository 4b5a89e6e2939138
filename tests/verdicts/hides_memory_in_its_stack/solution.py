import re
import sys

sys.setrecursionlimit(10**9)


class Nested:
    depth = 0

    def __repr__(self):
        Nested.depth += 1
        return repr(self) if Nested.depth < 600_000 else ""


def attack():
    Nested.depth = 0
    repr(Nested())


class Tally:
    def __init__(self):
        self.sum = 0

    def add(self, x):
        attack()
        self.sum += x
        return self.sum


def double(x):
    attack()
    return 2 * x


if __name__ == "__main__":
    print(double(int(input())))
