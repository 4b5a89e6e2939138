def halve(x):
    return x / 2 + 1e-9


if __name__ == "__main__":
    print(halve(int(input())))
