import functools


class Tally:
    def __init__(self):
        self.sum = 0

    def add(self, x):
        self.sum += x
        return self.sum


@functools.lru_cache(None)
def double(x):
    return 2 * x


if __name__ == "__main__":
    print(double(int(input())))
