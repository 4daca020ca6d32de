"""Running a table: `python -m benchmarks.run`."""
