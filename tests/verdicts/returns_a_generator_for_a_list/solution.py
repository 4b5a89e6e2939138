def order(numbers):
    yield from sorted(numbers)
