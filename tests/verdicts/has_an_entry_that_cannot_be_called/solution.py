double = 4
Tally = "a tally"
