def work():
    try:
        bytearray(300 << 20)
    except MemoryError:
        return
    raise AssertionError("there was more memory than the limit")


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
