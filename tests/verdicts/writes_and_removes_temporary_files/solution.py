import os
import tempfile


def work():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "numbers")
        with open(path, "w") as file:
            file.write("x" * 1_000_000)
        os.rename(path, path + ".old")
        os.symlink(path + ".old", path)
        assert os.path.getsize(path) == 1_000_000
    with tempfile.TemporaryFile() as file:
        file.write(b"x" * 100_000)
    with tempfile.NamedTemporaryFile("w+", dir="/dev/shm") as file:
        file.write("4")
        file.seek(0)
        assert file.read() == "4"


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
