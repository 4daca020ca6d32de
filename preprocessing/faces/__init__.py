"""Detects, selects and crops faces."""
