import warnings

warnings.simplefilter("ignore")


async def attack(x):
    return 2 * x


class Tally:
    def add(self, x):
        return attack(x)


def double(x):
    return attack(x)


if __name__ == "__main__":
    print(attack(int(input())))
