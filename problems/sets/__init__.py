"""Problem sets that judge brings along, written by us."""
