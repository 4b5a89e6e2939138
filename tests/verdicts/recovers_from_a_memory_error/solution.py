def work():
    try:
        " " * 10**10
    except MemoryError:
        return
    raise AssertionError("ten gigabytes were to be had")


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
