"""Selects the detected faces that become images of the dataset."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from attention_fer.common.checks import one_of

if TYPE_CHECKING:
    from preprocessing.detectors.base import Faces

LEAST_CONFIDENCE = 0.6

_SortKey = Callable[["Faces", int, int], np.ndarray]
"""Maps faces and the photograph's width and height to a number per face; the smallest is first."""


def _smallness(faces: Faces, width: int, height: int) -> np.ndarray:
    return -faces.boxes[:, 2].astype(float) * faces.boxes[:, 3]


def _doubt(faces: Faces, width: int, height: int) -> np.ndarray:
    return -np.nan_to_num(faces.scores.astype(float))


def _eccentricity(faces: Faces, width: int, height: int) -> np.ndarray:
    """Squared distance from the centre of the photograph, each axis relative to its length."""
    boxes = faces.boxes.astype(float)
    offsets = (boxes[:, :2] + boxes[:, 2:] / 2) / (width, height) - 0.5
    return (offsets**2).sum(axis=1)


_KEYS: dict[str, _SortKey] = {
    "largest": _smallness,
    "most-confident": _doubt,
    "central": _eccentricity,
    "all": _smallness,
}


def names() -> list[str]:
    """Returns the criteria: one face by area, score or position, or all faces, largest first."""
    return list(_KEYS)


def check(
    select: str,
    min_confidence: float | None,
    *,
    has_scores: bool,
    usual: float = LEAST_CONFIDENCE,
) -> float | None:
    """Checks the settings against the detector.

    Args:
        select: one of `names`.
        min_confidence: minimum score of a face, 0 to 1; None for `usual` if there are scores.
        has_scores: whether the detector has scores.
        usual: the score from which this detector's faces usually are faces.

    Returns:
        The minimum score, or None if the detector has no scores.

    Raises:
        ValueError: unknown name, a number out of range, or a setting that needs scores.
    """
    one_of("selection", select, _KEYS)
    if min_confidence is not None and not 0 <= min_confidence <= 1:
        raise ValueError(f"min_confidence must be from 0 to 1, got {min_confidence}.")
    if has_scores:
        return usual if min_confidence is None else float(min_confidence)
    if min_confidence is not None:
        raise ValueError(
            f"min_confidence must be None for a detector without scores, got {min_confidence}. "
            "Leave it out, or use another detector."
        )
    if select == "most-confident":
        raise ValueError(
            "select must not be 'most-confident' for a detector without scores. Select by another "
            "criterion, or use another detector."
        )
    return None


def choose(
    faces: Faces, shape: tuple[int, ...], select: str, min_confidence: float | None
) -> list[int]:
    """Returns the indices of the selected faces, in order; empty if no face qualifies.

    Boxes without area or entirely outside the photograph are ignored. Among equals, the larger
    face comes first, then the more confident, then the upper, then the left one.

    Args:
        faces: the detected faces.
        shape: shape of the photograph, height and width first.
        select: one of `names`.
        min_confidence: minimum score; None to ignore scores.
    """
    height, width = shape[:2]
    keys = (
        faces.boxes[:, 0],
        faces.boxes[:, 1],
        _doubt(faces, width, height),
        _smallness(faces, width, height),
        _KEYS[select](faces, width, height),
    )
    good = _overlaps(faces.boxes, width, height)
    if min_confidence is not None:
        good &= faces.scores >= min_confidence
    order = [int(place) for place in np.lexsort(keys) if good[place]]
    return order if select == "all" else order[:1]


def shortfall(faces: Faces, min_confidence: float | None) -> str:
    """Explains why `choose` selected nothing."""
    if not len(faces.boxes):
        return "nothing detected"
    scores = faces.scores[np.isfinite(faces.scores)]
    if min_confidence is not None and not (scores >= min_confidence).any():
        # Rounded down, so that it never reads as the threshold itself.
        best = math.floor(float(scores.max()) * 100) / 100 if len(scores) else "none"
        return f"best score {best}, below {min_confidence:g}"
    return "nothing detected inside the photograph"


def _overlaps(boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    start, size = boxes[:, :2], boxes[:, 2:]
    inside = (start < (width, height)) & (start + size > 0) & (size > 0)
    return inside.all(axis=1) & np.isfinite(boxes).all(axis=1)
