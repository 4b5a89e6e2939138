import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
SYS_MBIND = 237


def attack():
    if libc.syscall(SYS_MBIND, 0, 0, 0, None, 0, 0) < 0:
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
