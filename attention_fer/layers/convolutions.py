"""Convolutions over one, two or three axes, and the initializer of the authors' networks."""

from __future__ import annotations

import keras

AXIS_NAMES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
"""Names of the spatial axes, by how many there are."""

CONVOLUTIONS = {1: keras.layers.Conv1D, 2: keras.layers.Conv2D, 3: keras.layers.Conv3D}
"""Convolution layers, by the number of spatial axes."""


def kaiming_fan_out() -> keras.initializers.Initializer:
    """Return the initializer of most of the authors' networks.

    Normal values with the variance `2 / (window * filters)`, where `window` is the number of
    positions that the kernel covers; not cut off.
    """
    return keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")
