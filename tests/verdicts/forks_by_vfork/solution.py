import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
SYS_VFORK = 58


def attack():
    pid = libc.syscall(SYS_VFORK)
    if pid < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    if pid == 0:
        os._exit(0)


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
