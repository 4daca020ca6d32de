"""What things cost, mostly as ratios measured in one run: ``python -m benchmarks.speed WHAT``."""
