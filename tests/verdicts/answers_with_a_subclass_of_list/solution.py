from collections import UserList


class Row(list):
    pass


def order(numbers):
    return Row(sorted(numbers))


if __name__ == "__main__":
    input()
    print(*UserList(order(list(map(int, input().split())))), sep="\n")
