def attack(x):
    nested = []
    for _ in range(50_000):
        nested = [nested]
    return nested


class Tally:
    def add(self, x):
        return attack(x)


def double(x):
    return attack(x)


if __name__ == "__main__":
    print(attack(int(input())))
