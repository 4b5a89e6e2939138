import os

left = [path for path in ("/tmp/judge-corpus-left", "/dev/shm/judge-corpus-left") if os.path.exists(path)]
for path in ("/tmp/judge-corpus-left", "/dev/shm/judge-corpus-left"):
    with open(path, "w") as file:
        file.write("left here")


def attack():
    if left:
        raise FileExistsError(left[0])


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
