import sys

sys.stdout.buffer.write(b"%d\xff\xfe\n" % (2 * int(input())))
