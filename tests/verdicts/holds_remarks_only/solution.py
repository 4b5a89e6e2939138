# Here is a solution that doubles its argument:
#
# double(2) is 4.
