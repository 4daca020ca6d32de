"""Greedy non-maximum suppression."""

from __future__ import annotations

import numpy as np


def suppress(boxes: np.ndarray, scores: np.ndarray, most: float) -> np.ndarray:
    """Keep the best box, drop what overlaps it too much, go on with the best of the rest.

    Args:
        boxes: (n, 4), left, top, right, bottom.
        scores: (n,); of equal scores the first box comes first.
        most: two boxes that are kept have at most this intersection over union.

    Returns:
        int64 (k,), positions of the boxes kept, by descending score.
    """
    rest = np.argsort(-scores, kind="stable")
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept = []
    while rest.size:
        best, rest = rest[0], rest[1:]
        kept.append(best)
        overlap = _intersections(boxes[best], boxes[rest])
        union = areas[best] + areas[rest] - overlap
        rest = rest[overlap <= most * union]
    return np.array(kept, np.int64)


def _intersections(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    return np.prod(np.clip(high - low, 0, None), axis=1)
