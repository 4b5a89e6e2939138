import sys


class Tally:
    def __init__(self):
        self.sum = 0

    def add(self, x):
        self.sum += x
        return self.sum


def double(x):
    try:
        sys.exit(2 * x)
    except SystemExit as leaving:
        return leaving.code


def main():
    print(double(int(sys.stdin.buffer.readline())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
