def attack(x):
    return ["x" * 1000] * (1 << 27)


class Tally:
    def add(self, x):
        return attack(x)


def double(x):
    return attack(x)


if __name__ == "__main__":
    print(attack(int(input())))
