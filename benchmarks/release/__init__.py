"""From a stored cell to a network that can be shipped: calibrated, exported, measured, described."""
