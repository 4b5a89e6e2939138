class TimeoutException(Exception):
    pass


def work():
    for error in (TimeoutException("\x1b[2J"), KeyError("passed"), MemoryError(), RecursionError()):
        try:
            raise error
        except Exception as caught:
            assert caught is error


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
