"""Squares around a detected face that show as much of it as the images of a dataset do.

A network works best on pictures like those it was trained on. Each rule was measured on the images
of its dataset. It depends only on the box and holds for YuNet's boxes, which reach from the
forehead to the chin; other detectors draw different boxes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Square = tuple[float, float, float]
"""Left, top and side in pixels of the photograph; it may reach beyond its borders."""

MEASURED_WITH = "yunet"
"""The detector whose boxes the rules are for."""

FER2013_SIDE = 1.11
"""Side of a FER2013 image, divided by the geometric mean of the sides of YuNet's box in it."""

FER2013_UP = 0.02
"""How far their centre lies above the centre of the box, as a fraction of their side.

`python -m benchmarks.faces position` measures both.
"""


def fer2013(box: Sequence[float]) -> Square:
    """Returns the square that FER2013 would show of a face.

    Args:
        box: x, y, width, height of the face in pixels.
    """
    x, y, width, height = map(float, box)
    side = FER2013_SIDE * math.sqrt(width * height)
    return x + (width - side) / 2, y + (height - side) / 2 - FER2013_UP * side, side


RULES: dict[str, Callable[[Sequence[float]], Square]] = {"fer2013": fer2013}
"""The rules by the names of their datasets."""
