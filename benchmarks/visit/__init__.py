"""A short visit to a GPU: `python -m benchmarks.visit`, see CONTRIBUTING.md."""
