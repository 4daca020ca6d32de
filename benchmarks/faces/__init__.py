"""Finding and cutting out faces, measured with FER2013: `python -m benchmarks.faces`."""
