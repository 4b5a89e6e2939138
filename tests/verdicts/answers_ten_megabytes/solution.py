def repeat(text, count):
    return text * count


if __name__ == "__main__":
    text, count = input().split()
    print(repeat(text, int(count)))
