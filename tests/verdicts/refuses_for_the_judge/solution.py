import os
import struct

WORDS = b"check the check itself is broken"
os.write(6, struct.pack("<IBI", len(WORDS), 4, 0) + WORDS)
os._exit(0)
