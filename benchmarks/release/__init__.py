"""Turns a stored cell into a network for release: calibrates, exports, measures, describes it."""
