"""The region of interest: the part of each picture that a detector searches."""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from preprocessing.detectors import Faces

_FORM = "X,Y,WIDTH,HEIGHT, whole pixels of the upright picture, such as 0,0,640,480"


@dataclass(frozen=True)
class Region:
    """A rectangle in pixels of the upright picture, clipped to the picture.

    Attributes:
        x, y: its left and upper border, at least 0.
        width, height: at least 1.
    """

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def of(cls, given: Sequence[int]) -> Region:
        """Returns the region of x, y, width and height.

        Raises:
            ValueError: other than four whole numbers, or one out of range.
        """
        try:
            region = cls(*map(operator.index, given))
        except TypeError:  # too few, too many or broken numbers
            raise ValueError(f"roi must be {_FORM}, got {given!r}.") from None
        if min(region.x, region.y) < 0 or min(region.width, region.height) < 1:
            raise ValueError(f"roi must be {_FORM}, from 0 and at least 1 wide, got {given!r}.")
        return region

    @classmethod
    def parsed(cls, text: str) -> Region:
        """Returns the region that `text` describes as X,Y,WIDTH,HEIGHT. Raises ValueError."""
        numbers = text.split(",")
        if len(numbers) != 4 or not all(re.fullmatch(r"\s*\d{1,9}\s*", part) for part in numbers):
            raise ValueError(f"--roi must be {_FORM}, got {text!r}.")
        return cls.of([int(part) for part in numbers])

    def __str__(self) -> str:
        return ",".join(map(str, astuple(self)))

    def part(self, image: np.ndarray) -> np.ndarray:
        """The pixels of an image (height, width, ...) within the region; none if it is outside."""
        across, down = slice(self.x, self.x + self.width), slice(self.y, self.y + self.height)
        return np.ascontiguousarray(image[down, across])

    def moved(self, faces: Faces) -> Faces:
        """Faces that were found in the part, in pixels of the whole picture."""
        corner = np.array([self.x, self.y], np.float32)
        boxes = faces.boxes + np.concatenate([corner, [0, 0]], dtype=np.float32)
        return Faces(boxes, faces.scores, faces.landmarks + corner)
