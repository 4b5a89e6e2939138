import builtins
import functools

print = functools.partial(builtins.print, flush=True)


class Tally:
    sum = 0

    def add(self, x):
        self.sum += x
        return self.sum


def double(x):
    sum = 0
    for list in (x, x):
        sum += list
    return sum


if __name__ == "__main__":
    print(double(int(input())))
