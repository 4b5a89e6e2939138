def triple(x):
    return 3 * x


class Other:
    def double(self, x):
        return 2 * x
