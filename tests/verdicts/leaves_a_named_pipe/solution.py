import os

left = os.path.lexists("/tmp/judge-corpus-pipe")
try:
    os.mkfifo("/tmp/judge-corpus-pipe")
except PermissionError:
    pass


def attack():
    if left:
        raise FileExistsError("an earlier pipe")


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
