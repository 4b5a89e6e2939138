import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
IN_OPEN = 0x20


def attack():
    fd = libc.inotify_init()
    if fd < 0 or libc.inotify_add_watch(fd, os.__file__.encode(), IN_OPEN) < 0:
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
