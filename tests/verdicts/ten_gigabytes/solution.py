def double(x):
    return bytearray(10**10)
