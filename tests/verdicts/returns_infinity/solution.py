def halve(x):
    return float("inf")


if __name__ == "__main__":
    print(halve(int(input())))
