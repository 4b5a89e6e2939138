"""What is said to a model and heard from it."""
