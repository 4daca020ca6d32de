"""Finds the faces of photographs that were stored sideways or upside down, without an EXIF tag.

YuNet misses most of these faces. Others it finds with a lower score and with eyes in the wrong
places, so that their expression would be wrong without any sign of it.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from preprocessing.detectors import Detector, Faces
from preprocessing.faces.detection import detect_each
from preprocessing.faces.pixels import NUMPY

COMPARABLE = ("yunet",)
"""Detectors whose scores of turned photographs were compared; the numbers below are for them."""

SURE = 0.9
"""Score from which a face is upright. Below it, the photograph is turned and searched again."""

LEAST, CLEARLY = 0.8, 0.04
"""What a turned photograph must score at least, and by how much more than the one as stored."""

_SEEN = 1280  # pixels, longer side to which YuNet shrinks a photograph
_LOOK = 320  # pixels; of what YuNet sees, the copy has half as many, but at least these


def any_way_up(
    detector: Detector, image: np.ndarray, faces: Faces | Exception
) -> Faces | Exception:
    """Returns the faces found in an image or, if they score clearly higher, in the turned image.

    Args:
        detector: that found the faces.
        image: uint8, grey or RGB.
        faces: of the image as it is stored.

    Returns:
        Faces in the pixels of the image as stored; the eyes of a turned face come in the order of
        an upright one, so that the line through them says how it lies.
    """
    if isinstance(faces, Exception) or _best(faces) >= SURE:
        return faces
    turns = _most_promising(detector, image)
    turned = np.ascontiguousarray(np.rot90(image, turns))
    (found,) = detect_each(detector, [turned], NUMPY) if turns else (faces,)
    enough = max(LEAST, _best(faces) + CLEARLY)
    if turns and isinstance(found, Faces) and _best(found) >= enough:
        return _turned_back(found, turns, turned.shape[:2])
    return faces


def _most_promising(detector: Detector, image: np.ndarray) -> int:
    """The number of quarter turns after which a small copy of the image scores highest."""
    longer = max(image.shape[:2])
    copy = Image.fromarray(image).reduce(max(1, longer // max(_LOOK, min(longer, _SEEN) // 2)))
    looks = [np.ascontiguousarray(np.rot90(np.asarray(copy), turns)) for turns in range(4)]
    scores = [
        _best(found) if isinstance(found, Faces) else 0.0
        for found in detect_each(detector, looks, NUMPY)
    ]
    return int(np.argmax(scores))


def _best(faces: Faces) -> float:
    return float(max(faces.scores, default=0.0))


def _turned_back(faces: Faces, turns: int, size: tuple[int, int]) -> Faces:
    boxes, landmarks = after_turns(faces.boxes, faces.landmarks, 4 - turns, size)
    return Faces.ordered(boxes, faces.scores, landmarks)


def after_turns(
    boxes: np.ndarray, landmarks: np.ndarray, turns: int, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns where faces of an image are after `np.rot90(image, turns)`.

    Args:
        boxes: (n, 4), x, y, width and height in pixels.
        landmarks: (n, 5, 2), x and y.
        turns: quarter turns, counter-clockwise.
        size: height and width of the image before.
    """
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    points = np.concatenate([low[:, None], high[:, None], landmarks], axis=1)
    height, width = size
    for _ in range(turns):
        points = np.stack([points[..., 1], width - points[..., 0]], axis=-1)
        height, width = width, height
    low, high = points[:, :2].min(axis=1), points[:, :2].max(axis=1)
    return np.hstack([low, high - low]), points[:, 2:]
