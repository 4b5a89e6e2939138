import builtins
import functools

print = functools.partial(builtins.print, flush=True)


def double(x):
    sum = 0
    for list in (x, x):
        sum += list
    return sum


if __name__ == "__main__":
    print(double(int(input())))
