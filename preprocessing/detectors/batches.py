"""Detects faces in batches of photographs with a network of fixed input size.

All photographs are scaled into one square. In a rectangle, the same photograph would lie
differently on the network's grid and give other boxes (an overlap of 0.90 was seen), and squares of
photographs of all sizes fit into one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from preprocessing.detectors.base import Faces, check_photographs
from preprocessing.detectors.decode import to_faces
from preprocessing.detectors.letterbox import into, planes

THRESHOLD = 0.3
"""Default minimum score of a detected face, as in the published pipeline."""

ON_GPU = 16
"""Default number of images per batch on a GPU."""


def detect(
    images: Sequence[np.ndarray],
    canvas: tuple[int, int],
    candidates: Callable[[np.ndarray], list[np.ndarray]],
    batch: int,
    threshold: float,
    iou: float,
) -> list[Faces]:
    """Detects the faces of each image.

    Args:
        images: uint8 (height, width, 3), RGB.
        canvas: (height, width) of the network's input.
        candidates: maps planes (n, 3, height, width) to n arrays of decoded rows (k, 16).
        batch: maximum number of images per call of `candidates`.
        threshold, iou: see `decode.to_faces`.

    Raises:
        ValueError: an image has another dtype or shape, or no pixels.
    """
    check_photographs(images)
    result = []
    for start in range(0, len(images), batch):
        group = images[start : start + batch]
        letterboxes = [into(image.shape, canvas) for image in group]
        drawn = [box.draw(image) for box, image in zip(letterboxes, group, strict=True)]
        for box, rows in zip(letterboxes, candidates(planes(drawn)), strict=True):
            result.append(to_faces(rows, box, threshold, iou))
    return result
