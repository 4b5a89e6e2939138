import os
import struct
import time


def double(x):
    os.write(6, struct.pack("<IBI", 1, 1, 7) + b"4")
    time.sleep(10)
