"""Five megabytes of comments and data around a right answer."""

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
    return (
        "# a remark that explains nothing\n" * 140_000 + "DATA = '" + "x" * 400_000 + "'\n" + HONEST
    )
