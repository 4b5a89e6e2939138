with open("/dev/stdin") as given:
    print(2 * int(given.read()))
