CONSTANTS = (None, True, False, 0, 1, [], "", (), {}, float("nan"), ...)


def attack(x):
    return CONSTANTS[x % len(CONSTANTS)]


class Tally:
    def add(self, x):
        return attack(x)


def double(x):
    return attack(x)


if __name__ == "__main__":
    print(attack(int(input())))
