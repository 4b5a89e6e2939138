"""Facts, nothing derived; the only SQL."""
