"""Runs code, knows no answers."""
