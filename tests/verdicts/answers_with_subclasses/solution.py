import enum


class Number(int):
    def half(self):
        return self // 2


class Level(enum.IntEnum):
    FOUR = 4


class Tally:
    def __init__(self):
        self.sum = Number(0)

    def add(self, x):
        self.sum = Number(self.sum + x)
        return self.sum


def double(x):
    return Level.FOUR if x == 2 else Number(2 * x)


if __name__ == "__main__":
    print(int(double(int(input()))))
