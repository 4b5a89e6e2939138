import os


def work():
    kept = [open(os.devnull) for _ in range(200)]
    for file in kept:
        file.close()


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
