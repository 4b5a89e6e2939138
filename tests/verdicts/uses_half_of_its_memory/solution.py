def work():
    kept = [b"x" * (1 << 20) for _ in range(32)]
    assert sum(map(len, kept)) == 32 << 20


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
