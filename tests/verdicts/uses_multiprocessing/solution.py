import multiprocessing


def attack():
    child = multiprocessing.get_context("fork").Process(target=print, args=("4",))
    child.start()
    child.join()


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
