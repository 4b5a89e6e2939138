def repeat(text, count):
    return (text * count)[:-1]


if __name__ == "__main__":
    text, count = input().split()
    print(repeat(text, int(count)))
