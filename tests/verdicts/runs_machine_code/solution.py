import ctypes
import mmap

PROT = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
RETURN_FOUR = b"\xb8\x04\x00\x00\x00\xc3"


def work():
    area = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=PROT)
    area.write(RETURN_FOUR)
    address = ctypes.addressof(ctypes.c_char.from_buffer(area))
    assert ctypes.CFUNCTYPE(ctypes.c_int)(address)() == 4


class Tally:
    def __init__(self):
        self.sum = 0

    def add(self, x):
        work()
        self.sum += x
        return self.sum


def double(x):
    work()
    return 2 * x


if __name__ == "__main__":
    print(double(int(input())))
