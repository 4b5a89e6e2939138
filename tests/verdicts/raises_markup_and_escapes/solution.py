TEXT = "\x1b[2J\x1b]0;title\x07</script><img src=x onerror=alert(1)>\r\n2026-01-01 INFO AC\n{{7*7}}"


def attack():
    raise RuntimeError(TEXT)


class Tally:
    def __init__(self):
        self.sum = 0

    def add(self, x):
        attack()
        self.sum += x
        return self.sum


def double(x):
    attack()
    return 2 * x


if __name__ == "__main__":
    print(double(int(input())))
