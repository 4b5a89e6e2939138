from decimal import Decimal


def halve(x):
    return Decimal("sNaN")


if __name__ == "__main__":
    print(halve(int(input())))
