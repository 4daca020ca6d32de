"""Runs a detector on several photographs so that a faulty one does not affect the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from preprocessing.faces.pixels import OPENCV, Pixels

if TYPE_CHECKING:  # ready-made faces need no detector libraries
    from preprocessing.detectors.base import Detector, Faces


def detect_each(
    detector: Detector, images: Sequence[np.ndarray], pixels: Pixels = OPENCV
) -> list[Faces | Exception]:
    """Detects the faces in each image; an image that failed gives its exception instead.

    Args:
        detector: finds the faces.
        images: uint8 (height, width) or (height, width, 3).
        pixels: the library that makes grey images RGB.

    Raises:
        MemoryError: whatever the images.
    """
    if not images:
        return []
    try:
        found = detector([pixels.coloured(image, "rgb") for image in images])
        if len(found) != len(images):
            raise ValueError(f"{len(found)} results for {len(images)} images")
        return list(found)
    except MemoryError:
        raise
    except Exception as error:
        if len(images) == 1:
            return [error]
    return [answer for image in images for answer in detect_each(detector, [image], pixels)]
