import atexit
import ctypes

print(2 * int(input()), flush=True)
atexit.register(ctypes.string_at, 0)
