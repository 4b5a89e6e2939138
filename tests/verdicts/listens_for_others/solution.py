import socket


def attack():
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.1)


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
