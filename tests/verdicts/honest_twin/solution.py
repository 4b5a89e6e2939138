import asyncio
import sys
import threading
from dataclasses import dataclass
from typing import NamedTuple


@dataclass
class Box:
    value: "int"


class Pair(NamedTuple):
    left: int
    right: int


async def slow(x):
    await asyncio.sleep(0)
    return x


def double(x):
    print("working", file=sys.stderr)
    found = []
    thread = threading.Thread(target=lambda: found.append(Pair(x, x)))
    thread.start()
    thread.join()
    return asyncio.run(slow(found[0].left + Box(found[0].right).value))


class Tally:
    def __init__(self):
        self.numbers = []

    def add(self, x):
        self.numbers.append(x)
        return sum(self.numbers)


if __name__ == "__main__":
    print(double(int(sys.stdin.buffer.readline())))
    exit()
