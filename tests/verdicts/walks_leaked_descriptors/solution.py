import os
import stat


def attack():
    folders = []
    for fd in range(1024):
        try:
            if stat.S_ISDIR(os.fstat(fd).st_mode) or stat.S_ISSOCK(os.fstat(fd).st_mode):
                folders.append(fd)
        except OSError:
            pass
    if not folders:
        raise FileNotFoundError("no folder and no socket is open")


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
