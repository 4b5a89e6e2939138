import os


def work():
    reader, writer = os.pipe()
    os.write(writer, b"x" * 60_000)
    assert len(os.read(reader, 60_000)) == 60_000
    os.close(reader)
    os.close(writer)


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
