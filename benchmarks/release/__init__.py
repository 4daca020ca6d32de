"""From a stored cell to a network to be shipped: calibrated, exported, measured, described."""
