import os

left = os.path.lexists("/tmp/judge-corpus-tree")
if not left:
    for number in range(30):
        os.makedirs(f"/tmp/judge-corpus-tree/{number}/" + "/".join("abcdefghij"))
    for folder, inner, files in os.walk("/tmp/judge-corpus-tree", topdown=False):
        os.chmod(folder, 0)


def attack():
    if left:
        raise FileExistsError("an earlier tree")


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
