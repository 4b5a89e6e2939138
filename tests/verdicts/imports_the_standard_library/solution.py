def work():
    import array
    import bisect
    import csv
    import difflib
    import email
    import sqlite3
    import statistics
    import urllib.parse
    import xml.etree.ElementTree
    import zlib

    with sqlite3.connect(":memory:") as database:
        assert database.execute("select 6 * 7").fetchone() == (42,)
    assert zlib.decompress(zlib.compress(b"x" * 1000)) == b"x" * 1000


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
