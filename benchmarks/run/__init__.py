"""Runs a table: `python -m benchmarks.run`."""
