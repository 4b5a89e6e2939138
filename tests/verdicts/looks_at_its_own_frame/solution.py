import gc
import inspect
import sys


def work():
    assert sys._getframe().f_code.co_name == "work"
    assert inspect.currentframe().f_back is not None
    gc.collect()
    sys.settrace(None)


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
