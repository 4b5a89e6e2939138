import os
import threading


def attack():
    threading.Thread(target=print).start()
    if os.fork() == 0:
        os._exit(0)
    os.wait()


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
