"""Everything that goes into the box; standard library and `problems.values` only."""
