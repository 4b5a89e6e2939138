"""Fifty parentheses, a sum of a thousand terms, a long table: large, and still Python."""

HONEST = """
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
"""


def source() -> str:
    """What the case is judged by."""
    nested = "N = " + "(" * 50 + "1" + ")" * 50 + "\n"
    return nested + "S = " + "1 + " * 500 + "1\nT = [" + "7," * 50_000 + "]\n" + HONEST
