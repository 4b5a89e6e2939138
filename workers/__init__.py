"""The queue, and nothing else."""
