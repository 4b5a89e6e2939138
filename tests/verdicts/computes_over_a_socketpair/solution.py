import asyncio
import socket


async def slow(x):
    await asyncio.sleep(0)
    return x


def work():
    left, right = socket.socketpair()
    with left, right:
        left.sendall(b"four")
        assert right.recv(10) == b"four"
    assert asyncio.run(slow(4)) == 4


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
