from multiprocessing.pool import ThreadPool


def work():
    with ThreadPool(4) as pool:
        assert sum(pool.map(abs, range(100))) == 4950


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
