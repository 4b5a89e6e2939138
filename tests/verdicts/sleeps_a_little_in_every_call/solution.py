import time


def double(x):
    time.sleep(0.9)
    return 2 * x
