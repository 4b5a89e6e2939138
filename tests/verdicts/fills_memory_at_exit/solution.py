import atexit

kept = []


@atexit.register
def attack():
    try:
        while True:
            kept.append(b"x" * (1 << 20))
    except MemoryError:
        pass


print(2 * int(input()), flush=True)
