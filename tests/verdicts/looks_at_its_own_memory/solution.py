import ctypes
import sys


def work():
    text = b"a text of its own"
    offset = sys.getsizeof(b"") - 1
    assert ctypes.string_at(id(text) + offset, len(text)) == text


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
