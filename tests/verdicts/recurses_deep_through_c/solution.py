import sys

sys.setrecursionlimit(10**6)


class Nested:
    def __init__(self, inner):
        self.inner = inner

    def __repr__(self):
        return repr(self.inner)


def work():
    nested = 4
    for _ in range(30_000):
        nested = Nested(nested)
    assert repr(nested) == "4"
    while isinstance(nested, Nested):  # let go of it without recursion
        nested = nested.inner


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
