class Mortal:
    def __del__(self):
        kept = []
        while True:
            kept.append(b"x" * (1 << 20))


def attack():
    Mortal()


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
