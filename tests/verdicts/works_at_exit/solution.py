import atexit

kept = []


@atexit.register
def work():
    kept.extend(b"x" * (1 << 20) for _ in range(100))
    print(2 * number)


number = int(input())
