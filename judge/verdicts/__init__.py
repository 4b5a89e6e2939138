"""Right or wrong."""
