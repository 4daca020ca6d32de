"""Measures how faces are found and cropped, with FER2013: `python -m benchmarks.faces`."""
