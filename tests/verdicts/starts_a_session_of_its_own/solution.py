import os


def work():
    try:
        os.setsid()
    except OSError:
        assert os.getsid(0) == os.getpid()


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
