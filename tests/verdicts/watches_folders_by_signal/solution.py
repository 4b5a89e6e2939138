import fcntl
import os
import signal

kept = []
signal.signal(signal.SIGIO, signal.SIG_IGN)


def attack():
    kept.append(os.open(os.path.dirname(os.__file__), os.O_RDONLY))
    fcntl.fcntl(kept[-1], fcntl.F_NOTIFY, fcntl.DN_ACCESS)


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
