import fcntl
import os

kept = []


def attack():
    kept.append(open(os.__file__))
    fcntl.fcntl(kept[-1], fcntl.F_SETLEASE, fcntl.F_RDLCK)


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
