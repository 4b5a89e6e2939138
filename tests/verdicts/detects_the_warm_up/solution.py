calls = 0


def double(x):
    global calls
    calls += 1
    while calls > 2:
        pass
    return 2 * x
