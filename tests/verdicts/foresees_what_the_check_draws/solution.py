import random


def attack(x):
    random.seed(0)
    return random.randint(1, 10**9)


class Tally:
    def add(self, x):
        return attack(x)


def double(x):
    return attack(x)


if __name__ == "__main__":
    print(attack(int(input())))
