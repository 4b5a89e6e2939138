import ctypes
import mmap

PROT = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
GETPID_BY_INT80 = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"


def attack():
    area = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=PROT)
    area.write(GETPID_BY_INT80)
    address = ctypes.addressof(ctypes.c_char.from_buffer(area))
    ctypes.CFUNCTYPE(ctypes.c_int)(address)()


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
