# -*- coding: utf-8 -*-
größe = "Ω ≠ \N{SNOWMAN} ☃"


class Tally:
    def __init__(self):
        self.sum = 0

    def add(self, x):
        self.sum += x
        return self.sum


def double(x):
    return 2 * x


if __name__ == "__main__":
    print(double(int(input())))
