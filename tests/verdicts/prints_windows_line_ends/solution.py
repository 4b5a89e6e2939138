import sys

sys.stdout.buffer.write(b"%d\r\n" % (2 * int(input())))
