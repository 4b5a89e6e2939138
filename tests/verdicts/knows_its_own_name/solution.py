import os
import sys


def work():
    assert __name__ in ("__main__", "solution")
    assert len(sys.argv) >= 1
    assert "NO_SUCH_VARIABLE" not in os.environ


class Tally:
    def __init__(self):
        self.sum = 0

    def add(self, x):
        work()
        self.sum += x
        return self.sum


def double(x):
    work()
    return 2 * x


if __name__ == "__main__":
    print(double(int(input())))
