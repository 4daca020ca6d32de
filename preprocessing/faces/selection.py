"""Which of the faces found in a photograph become images of the dataset."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from preprocessing.detectors.base import Faces


LEAST_CONFIDENCE = 0.6

Order = Callable[["Faces", int, int], np.ndarray]
"""From faces and the photograph's width and height to a number for each; the smallest is first."""


def _smallness(faces: Faces, width: int, height: int) -> np.ndarray:
    return -faces.boxes[:, 2].astype(float) * faces.boxes[:, 3]


def _doubt(faces: Faces, width: int, height: int) -> np.ndarray:
    return -np.nan_to_num(faces.scores.astype(float))


def _eccentricity(faces: Faces, width: int, height: int) -> np.ndarray:
    """Squared distance from the middle of the photograph, each axis relative to its length."""
    boxes = faces.boxes.astype(float)
    offsets = (boxes[:, :2] + boxes[:, 2:] / 2) / (width, height) - 0.5
    return (offsets**2).sum(axis=1)


_ORDERS: dict[str, Order] = {
    "largest": _smallness,
    "most-confident": _doubt,
    "central": _eccentricity,
    "all": _smallness,
}


def names() -> list[str]:
    """What `select` can go by: one face by area, by score or by place, or all, largest first."""
    return list(_ORDERS)


def check(select: str, min_confidence: float | None, *, has_scores: bool) -> float | None:
    """Check the settings against the detector.

    Args:
        select: one of `names`.
        min_confidence: least score of a face, 0 to 1; None for 0.6 if there are scores.
        has_scores: whether the detector gives scores.

    Returns:
        The least score, or None if there are no scores to compare.

    Raises:
        ValueError: unknown name, a number out of range, or scores asked for that do not exist.
    """
    if select not in _ORDERS:
        near = difflib.get_close_matches(select.lower(), _ORDERS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"unknown selection {select!r}: {hint}known are {', '.join(names())}")
    if min_confidence is not None and not 0 <= min_confidence <= 1:
        raise ValueError(f"got min_confidence={min_confidence}: expected 0 to 1")
    if has_scores:
        return LEAST_CONFIDENCE if min_confidence is None else float(min_confidence)
    if min_confidence is not None:
        raise ValueError(
            f"got min_confidence={min_confidence} for a detector without scores: leave it out, "
            "or take another detector"
        )
    if select == "most-confident":
        raise ValueError(
            "got select='most-confident' for a detector without scores: select by another "
            "property, or take another detector"
        )
    return None


def choose(
    faces: Faces, shape: tuple[int, ...], select: str, min_confidence: float | None
) -> list[int]:
    """The chosen faces' positions, in order; none if no face is good enough.

    Boxes without area and boxes wholly outside the photograph never count. Among equals the larger
    face comes first, then the more confident one, then the upper, then the left one.

    Args:
        faces: what the detector found.
        shape: the photograph's, height and width first.
        select: one of `names`.
        min_confidence: least score, None to look at no scores.
    """
    height, width = shape[:2]
    keys = (
        faces.boxes[:, 0],
        faces.boxes[:, 1],
        _doubt(faces, width, height),
        _smallness(faces, width, height),
        _ORDERS[select](faces, width, height),
    )
    good = _overlaps(faces.boxes, width, height)
    if min_confidence is not None:
        good &= faces.scores >= min_confidence
    order = [int(place) for place in np.lexsort(keys) if good[place]]
    return order if select == "all" else order[:1]


def shortfall(faces: Faces, min_confidence: float | None) -> str:
    """Why `choose` found nothing, in words."""
    if not len(faces.boxes):
        return "nothing detected"
    scores = faces.scores[np.isfinite(faces.scores)]
    if min_confidence is not None and not (scores >= min_confidence).any():
        # Down to hundredths: never the very number that it is below.
        best = math.floor(float(scores.max()) * 100) / 100 if len(scores) else "none"
        return f"best score {best}, below {min_confidence:g}"
    return "nothing detected inside the photograph"


def _overlaps(boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    start, size = boxes[:, :2], boxes[:, 2:]
    inside = (start < (width, height)) & (start + size > 0) & (size > 0)
    return inside.all(axis=1) & np.isfinite(boxes).all(axis=1)
