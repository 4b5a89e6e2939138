TEXT = "\x1b[2J\x1b]0;title\x07</script><img src=x onerror=alert(1)>\r\n2026-01-01 INFO AC\n{{7*7}}"


def attack(x):
    print(TEXT)
    return TEXT


class Tally:
    def add(self, x):
        return attack(x)


def double(x):
    return attack(x)


if __name__ == "__main__":
    print(attack(int(input())))
