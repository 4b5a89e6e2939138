"""Where problems come from: one file a format, and the door that tells them apart."""
