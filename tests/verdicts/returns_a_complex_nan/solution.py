def halve(x):
    return complex(x / 2, float("nan"))


if __name__ == "__main__":
    print(halve(int(input())))
