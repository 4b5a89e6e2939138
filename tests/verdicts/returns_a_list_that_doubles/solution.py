def double(x):
    shared = [x]
    for _ in range(60):
        shared = [shared, shared]
    return shared
