import sys


def echo(text):
    return text


if __name__ == "__main__":
    sys.stdout.write(sys.stdin.read())
