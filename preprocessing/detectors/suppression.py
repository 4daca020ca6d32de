"""Removes boxes that overlap better ones."""

from __future__ import annotations

import numpy as np


def suppress(boxes: np.ndarray, scores: np.ndarray, iou: float, inside: float = 1.0) -> np.ndarray:
    """Keeps a box unless it overlaps a kept one with a higher score (greedy suppression).

    Args:
        boxes: (n, 4): x, y, width, height.
        scores: (n,); of equal scores the first comes first.
        iou: maximum intersection over union of two kept boxes.
        inside: maximum share of the smaller of two kept boxes that lies inside the other.

    Returns:
        Indices of the kept boxes, highest score first.
    """
    low, sides = boxes[:, :2].astype(np.float64), boxes[:, 2:].astype(np.float64)
    high, area = low + sides, sides.prod(axis=1)
    waiting = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(waiting):
        best, others = waiting[0], waiting[1:]
        kept.append(int(best))
        common = np.minimum(high[best], high[others]) - np.maximum(low[best], low[others])
        shared = np.clip(common, 0, None).prod(axis=1)
        # Multiplied out, because boxes without area would divide by zero.
        apart = shared <= iou * (area[best] + area[others] - shared)
        waiting = others[apart & (shared <= inside * np.minimum(area[best], area[others]))]
    return np.array(kept, np.intp)
