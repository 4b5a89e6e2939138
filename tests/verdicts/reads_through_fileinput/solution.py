import fileinput

given = [line.rstrip("\n") for line in fileinput.input()]
print(*sorted(map(int, given[1].split())), sep="\n")
