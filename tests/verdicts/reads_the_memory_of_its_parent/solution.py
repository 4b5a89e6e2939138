import os


def attack():
    with open(f"/proc/{os.getppid()}/mem", "rb") as file:
        file.read(1)


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
