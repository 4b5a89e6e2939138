def double(x):
	if x:
        return 2 * x
