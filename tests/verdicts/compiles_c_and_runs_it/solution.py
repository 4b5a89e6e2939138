import os
import subprocess
import tempfile


def attack():
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "four.c")
        with open(source, "w") as file:
            file.write("int main(void) { return 4; }\n")
        subprocess.check_call(["cc", "-o", os.path.join(folder, "four"), source])


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
