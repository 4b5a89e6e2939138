import sys

# for a function it is the sum of all that is printed, for a program each run's own
SIZE = 100_000 - 1


def double(x):
    return 2 * x


class Tally:
    def __init__(self):
        self.sum = 0

    def add(self, x):
        self.sum += x
        return self.sum


if __name__ == "__main__":
    answer = str(double(int(input())))
    sys.stdout.write(answer + " " * (SIZE - len(answer)))
else:
    sys.stdout.write("x" * SIZE)
