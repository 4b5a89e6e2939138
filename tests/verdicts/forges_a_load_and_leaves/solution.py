import os
import struct

os.write(6, struct.pack("<IBI", 0, 0, 0))
os._exit(0)
