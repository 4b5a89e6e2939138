with open("/dev/stdout", "w") as out:
    print(2 * int(input()), file=out)
