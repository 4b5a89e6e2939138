built = []


def work():
    if built:
        return
    built.append(1)
    nested = []
    for _ in range(250_000):
        nested = [nested]


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
