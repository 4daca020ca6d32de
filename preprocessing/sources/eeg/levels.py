"""From maps of numbers to grey levels, by a rule that no recording has a part in.

A value becomes the same level in whatever recording, subject or split it is: the range is fixed
beforehand and not measured. So nothing of a test recording reaches the training images, nor the
other way round, however the dataset is divided. The price is that amplifiers and skulls differ
visibly; a network has to cope with that, as with a new person.
"""

from __future__ import annotations

import numpy as np

from preprocessing.sources.eeg.features import Features

OUTSIDE = 0
"""Level of the pixels outside the head; those inside have 1 to 255."""

MOST_CLIPPED = 0.5
"""Largest share of the values at electrodes that may lie out of the range."""


def levels(maps: np.ndarray, inside: np.ndarray, features: Features) -> np.ndarray:
    """Grey levels, uint8 (height, width, channels).

    Linear from `features.low`, 1, to `features.high`, 255; what lies beyond is clipped.

    Args:
        maps: float (channels, height, width).
        inside: bool (height, width), the pixels of the head.
    """
    share = (maps - features.low) / (features.high - features.low)
    shown = 1 + np.rint(254 * np.clip(share, 0, 1))
    return np.moveaxis(np.where(inside, shown, OUTSIDE), 0, -1).astype(np.uint8)


def clipped(values: np.ndarray, features: Features) -> float:
    """The share of values that lie out of the range."""
    return float(np.mean((values < features.low) | (values > features.high)))
