def order(numbers):
    return tuple(sorted(numbers))
