"""Asks models for code, runs it, says how well they did; knows no HTTP and no queue."""
