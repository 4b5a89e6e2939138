import os


def work():
    assert os.getpriority(os.PRIO_PROCESS, 0) >= 0
    os.sched_yield()


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
