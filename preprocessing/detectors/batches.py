"""From photographs to faces, several photographs at a time.

All photographs go into one square, because the same photograph in a rectangle lies otherwise on
the network's grid and gives other boxes (an overlap of 0.90 was seen), and because squares of
photographs of all sizes fit into one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from preprocessing.detectors import checks
from preprocessing.detectors.base import Faces
from preprocessing.detectors.decode import to_faces
from preprocessing.detectors.letterbox import into, planes

THRESHOLD = 0.3
"""Least score of a face that a detector gives, as in the published pipeline."""

ON_GPU = 16
"""Images computed at a time on a GPU."""


def detect(
    images: Sequence[np.ndarray],
    canvas: tuple[int, int],
    candidates: Callable[[np.ndarray], list[np.ndarray]],
    batch: int,
    threshold: float,
    iou: float,
) -> list[Faces]:
    """Detect the faces of each image.

    Args:
        images: uint8 (height, width, 3), RGB.
        canvas: (height, width) of the network's input.
        candidates: from planes (n, 3, height, width) to n arrays of decoded rows (k, 16).
        batch: most images that `candidates` gets at a time.
        threshold, iou: see `decode.to_faces`.

    Raises:
        ValueError: an image of another type or shape, or without pixels.
    """
    checks.photographs(images)
    result = []
    for start in range(0, len(images), batch):
        group = images[start : start + batch]
        letterboxes = [into(image.shape, canvas) for image in group]
        drawn = [box.draw(image) for box, image in zip(letterboxes, group, strict=True)]
        for box, rows in zip(letterboxes, candidates(planes(drawn)), strict=True):
            result.append(to_faces(rows, box, threshold, iou))
    return result
