"""Sharpness of images, and whether the parts of a split differ in it.

A copy of a dataset may have been blurred or recompressed in one part only. Training on that part
and testing on another mostly measures the difference in sharpness.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

# Parts of one dataset differ by a few per cent; a visible blur changes the measure tenfold.
NOTABLE_RATIO = 4.0


def sharpness(image: np.ndarray) -> float:
    """Variance of the Laplacian of a uint8 image (height, width, channels), over the channels.

    Pech-Pacheco et al. 2000, https://doi.org/10.1109/ICPR.2000.903548. It depends on the image's
    size, so compare images of one size only.
    """
    return float(cv2.Laplacian(image, cv2.CV_64F).var())


def by_split(values: np.ndarray, splits: np.ndarray) -> dict[str, float]:
    """Median sharpness of each part; "" stands for images without one.

    Args:
        values: sharpness of each image, (n,).
        splits: its part, str (n,).
    """
    return {
        str(part): round(float(np.median(values[splits == part])), 2) for part in np.unique(splits)
    }


def blur_warning(medians: Mapping[str, float]) -> str | None:
    """A warning if one part is much blurrier than another, None otherwise."""
    if len(medians) < 2:
        return None
    blurry, sharp = min(medians, key=medians.__getitem__), max(medians, key=medians.__getitem__)
    if medians[sharp] < NOTABLE_RATIO * max(medians[blurry], 1.0):
        return None
    return (
        f"{blurry or 'no split'} is much blurrier than {sharp or 'no split'}: median variance of "
        f"the Laplacian {medians[blurry]:,.1f} against {medians[sharp]:,.1f}. Training on one and "
        "testing on the other measures that difference too."
    )
