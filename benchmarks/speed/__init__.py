"""Speed and memory measurements, mostly ratios within one run: `python -m benchmarks.speed`."""
