import os
import struct

calls = 0


def double(x):
    global calls
    calls += 1
    os.write(6, b"".join(struct.pack("<IBI", 2, 1, calls + more) + b"20" for more in range(8)))
    return 2 * x
