def order(numbers):
    numbers.sort()
    answer = list(numbers)
    numbers.clear()
    return answer


if __name__ == "__main__":
    input()
    print(*order(list(map(int, input().split()))), sep="\n")
