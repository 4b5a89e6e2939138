def halve(x):
    return float("nan")


if __name__ == "__main__":
    print(halve(int(input())))
