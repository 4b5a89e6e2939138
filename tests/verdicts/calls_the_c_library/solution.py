import ctypes
import ctypes.util

libc = ctypes.CDLL(None)
SYS_GETPID = 39


def work():
    assert libc.abs(-4) == 4
    assert libc.syscall(SYS_GETPID) == libc.getpid()
    assert ctypes.util.find_library("a library that is not there") is None


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
