import warnings


def attack():
    number = 0
    while True:
        number += 1
        warnings.warn_explicit("x" * 50_000, UserWarning, "solution.py", number)


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
