import ctypes
import os
import sys

libc = ctypes.CDLL(None, use_errno=True)
SYS_EXECVE = 59


def attack():
    words = (ctypes.c_char_p * 4)(b"python", b"-c", b"print(4)", None)
    libc.syscall(SYS_EXECVE, sys.executable.encode(), words, None)
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
