"""Overlays of maps on images, and galleries of them."""
