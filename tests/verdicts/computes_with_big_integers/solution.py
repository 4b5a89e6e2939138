def work():
    assert pow(3, 10**9, 7) == 4
    assert (1 << 200_000).bit_length() == 200_001


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
