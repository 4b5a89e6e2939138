def order(numbers):
    while True:
        yield 1
