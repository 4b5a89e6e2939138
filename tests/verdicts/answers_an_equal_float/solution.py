class Tally:
    def __init__(self):
        self.sum = 0.0

    def add(self, x):
        self.sum += x
        return self.sum


def double(x):
    return 2.0 * x
