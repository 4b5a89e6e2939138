import ctypes
import os
import signal

libc = ctypes.CDLL(None, use_errno=True)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def attack():
    for _ in range(2_000_000):
        if libc.sigqueue(os.getpid(), signal.SIGRTMIN, None) < 0:
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
