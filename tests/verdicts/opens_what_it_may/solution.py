import os


def work():
    with open(os.devnull, "w") as file:
        file.write("x")
    with open("/dev/urandom", "rb") as file:
        assert len(file.read(16)) == 16
    with open(os.__file__) as file:
        assert "def " in file.read()
    assert os.path.isdir(os.getcwd())


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
