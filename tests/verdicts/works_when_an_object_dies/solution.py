died = []


class Mortal:
    def __del__(self):
        died.append(len(b"x" * (100 << 20)))


def work():
    died.clear()
    Mortal()
    assert died == [100 << 20]


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
