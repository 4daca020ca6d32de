"""Tables from stored results: `python -m benchmarks.report`."""
