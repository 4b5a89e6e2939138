class Changing(int):
    calls = 0

    def __index__(self):
        Changing.calls += 1
        return Changing.calls

    __int__ = __index__


def attack(x):
    return Changing(0)


class Tally:
    def add(self, x):
        return attack(x)


def double(x):
    return attack(x)


if __name__ == "__main__":
    print(attack(int(input())))
