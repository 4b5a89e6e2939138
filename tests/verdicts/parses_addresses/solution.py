import ipaddress
import urllib.parse


def work():
    assert urllib.parse.urlsplit("http://169.254.169.254/latest").hostname == "169.254.169.254"
    assert ipaddress.ip_address("192.0.2.1") in ipaddress.ip_network("192.0.2.0/24")


class Tally:
    def __init__(self):
        self.sum = 0

    def add(self, x):
        work()
        self.sum += x
        return self.sum


def double(x):
    work()
    return 2 * x


if __name__ == "__main__":
    print(double(int(input())))
