import time


def work():
    started = time.perf_counter()
    while time.perf_counter() - started < 0.005:
        pass
    assert time.time() > 1e9 and time.process_time() < 1


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
