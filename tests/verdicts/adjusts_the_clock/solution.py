import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)


def attack():
    nothing = ctypes.create_string_buffer(4096)
    if libc.adjtimex(nothing) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


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
