import io
import sys

sys.stdout = io.StringIO()
print(2 * int(input()))
