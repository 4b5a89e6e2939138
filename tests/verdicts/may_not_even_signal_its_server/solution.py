import os


def work():
    try:
        os.kill(1, 0)
    except PermissionError:
        return
    raise AssertionError("the server would take a signal")


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
