"""Crops faces out of photographs: geometry first, then as few pixels as possible."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from attention_fer.common.checks import one_of
from preprocessing.faces.pixels import OPENCV, Pixels
from preprocessing.faces.squares import RULES

SIZE, COLOUR = 48, "grey"
MOST_PIXELS, MOST_MARGIN = 4096, 10  # beyond these a single image can fill the memory
COLOURS = ("grey", "rgb")
_LEAST_EYE_DISTANCE = 1.0  # pixels; below it the line through the eyes has no direction
_CONTEXT = 2  # pixels beside a rotated region that its interpolation may touch

_Region = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom are exclusive."""


@dataclass(frozen=True)
class CropSettings:
    """How a face is cropped. The defaults are those of the published pipeline: the plain box.

    Attributes:
        margin: fraction of the box's width and height added on each side, at least 0.
        square: extend the shorter side to the longer one, which keeps the aspect ratio.
        align: rotate about the box's centre so that the line through the eyes is horizontal.
        size: side of the square output in pixels.
        colour: "grey" (ITU-R 601 luma) or "rgb".
        like: dataset whose squares around faces are cut out, one of `squares.RULES`, instead of the
            box with its margin.

    Raises:
        ValueError: a setting out of range, or `like` with `margin` or `square`.
    """

    margin: float = 0.0
    square: bool = False
    align: bool = False
    size: int = SIZE
    colour: str = COLOUR
    like: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.margin <= MOST_MARGIN:
            raise ValueError(f"margin must be from 0 to {MOST_MARGIN}, got {self.margin}.")
        check_output(self.size, self.colour)
        if self.like is not None:
            one_of("like", self.like, RULES)
            if self.margin or self.square:
                raise ValueError(
                    f"like must be None with margin or square, got {self.like!r}. "
                    "It defines its own square."
                )

    @property
    def keeps_shape(self) -> bool:
        """Whether the region is a square also where it reaches beyond the photograph."""
        return self.square or self.like is not None


def check_output(size: int | None, colour: str | None) -> None:
    """Raises ValueError if a setting is out of range; None keeps the image's own."""
    if size is not None and (type(size) is not int or not 1 <= size <= MOST_PIXELS):
        raise ValueError(f"size must be an integer from 1 to {MOST_PIXELS}, got {size!r}.")
    if colour is not None:
        one_of("colour", colour, COLOURS)


def crop(
    image: np.ndarray,
    box: Sequence[float],
    landmarks: np.ndarray | None,
    settings: CropSettings,
    pixels: Pixels = OPENCV,
) -> np.ndarray:
    """Crops one face.

    The corners of the region are rounded to the nearest pixel border; it is at least one pixel wide
    and high. A plain region is clipped to the photograph: its aspect ratio is not kept anyway, and
    no pixel is invented. A square or aligned region would lose its shape and repeats the border
    instead, because a constant tone would draw an edge that a network could learn.

    Args:
        image: uint8 (height, width) grey or (height, width, 3) RGB.
        box: x, y, width, height of the face in pixels.
        landmarks: (5, 2), x and y in pixels, the eyes first; used only to align.
        settings: how to crop.
        pixels: the library that converts, resizes and turns.

    Returns:
        uint8 (size, size) if grey, else (size, size, 3).

    Raises:
        ValueError: the box is empty or entirely outside the image, there are no eyes to align by,
            or the image has another shape or dtype.
    """
    _check_image(image)
    _check_box(box, image.shape)
    x, y, width, height = _grown(box, settings)
    if settings.align:
        sides = _nearest(width), _nearest(height)
        centre = x + width / 2, y + height / 2
        face = _upright(image, centre, sides, eye_angle(landmarks), settings.colour, pixels)
    else:
        face = _cut(image, _region(x, y, width, height), settings, pixels)
    return pixels.resized(face, (settings.size, settings.size))


def whole(image: np.ndarray, settings: CropSettings) -> np.ndarray:
    """Returns the whole photograph in place of a face, in the format of `crop`.

    It is squared like a face, but neither rotated nor extended by a margin.
    """
    height, width = image.shape[:2]
    plain = CropSettings(0.0, settings.keeps_shape, False, settings.size, settings.colour)
    return crop(image, (0, 0, width, height), None, plain)


def fit(
    image: np.ndarray,
    size: int | tuple[int, int] | None,
    colour: str | None,
    pixels: Pixels = OPENCV,
) -> np.ndarray:
    """Resizes and converts an image that is already a face; None keeps the image's own.

    Args:
        image: uint8 (height, width) grey or (height, width, 3) RGB.
        size: side of the square output, or its height and width, in pixels.
        colour: "grey" or "rgb".
        pixels: the library that converts and resizes.

    Returns:
        uint8 (height, width) or (height, width, 3); the same object if both are None.

    Raises:
        ValueError: there is something to do and the image is neither grey nor RGB.
    """
    if size is None and colour is None:
        return image
    _check_image(image)
    if colour is not None:
        image = pixels.coloured(image, colour)
    if size is None:
        return image
    return pixels.resized(image, (size, size) if isinstance(size, int) else size)


def has_eyes(landmarks: np.ndarray | None) -> bool:
    """Whether there are two eyes at different positions."""
    if landmarks is None or not np.isfinite(landmarks[:2]).all():
        return False
    return math.dist(landmarks[0], landmarks[1]) >= _LEAST_EYE_DISTANCE


def eye_angle(landmarks: np.ndarray | None) -> float:
    """Returns the direction from the left eye to the right one, in radians, clockwise.

    Raises:
        ValueError: there are no two eyes at different positions.
    """
    if landmarks is None or not has_eyes(landmarks):
        raise ValueError("No eye landmarks to align by. Use a detector that has them.")
    across, down = np.asarray(landmarks[1], float) - np.asarray(landmarks[0], float)
    return math.atan2(down, across)


def _check_image(image: np.ndarray) -> None:
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)):
        raise ValueError(
            "The image must be uint8 (height, width) or (height, width, 3), "
            f"got {image.dtype} {image.shape}."
        )


def _check_box(box: Sequence[float], shape: tuple[int, ...]) -> None:
    x, y, width, height = box
    within = x < shape[1] and y < shape[0] and x + width > 0 and y + height > 0
    # NaN and infinity fail these comparisons or the sum.
    if not (math.isfinite(sum(box)) and width > 0 and height > 0 and within):
        raise ValueError(
            f"The box must overlap the image of {shape[1]}x{shape[0]} pixels, "
            f"got x={x}, y={y}, width={width}, height={height}."
        )


def _grown(box: Sequence[float], settings: CropSettings) -> tuple[float, float, float, float]:
    """Returns the region around a box: its square as in a dataset, or the box with its margin."""
    if settings.like is not None:
        x, y, side = RULES[settings.like](box)
        box = x, y, side, side
    x, y, width, height = map(float, box)
    centre_x, centre_y = x + width / 2, y + height / 2
    width, height = (side * (1 + 2 * settings.margin) for side in (width, height))
    if settings.keeps_shape:
        # A whole number, so that both borders of an axis are rounded alike.
        width = height = _nearest(max(width, height))
    return centre_x - width / 2, centre_y - height / 2, width, height


def _nearest(length: float) -> int:
    return max(1, math.floor(length + 0.5))


def _region(x: float, y: float, width: float, height: float) -> _Region:
    left, right = _span(x, x + width)
    top, bottom = _span(y, y + height)
    return left, top, right, bottom


def _span(start: float, stop: float) -> tuple[int, int]:
    first, last = math.floor(start + 0.5), math.floor(stop + 0.5)
    if first < last:
        return first, last
    middle = math.floor((start + stop) / 2)  # under a pixel: the one that holds it
    return middle, middle + 1


def _inside(region: _Region, shape: tuple[int, ...]) -> _Region:
    """Clips a region to the image; keeps at least the pixel nearest to it."""
    left, top, right, bottom = region
    left, top = min(max(left, 0), shape[1] - 1), min(max(top, 0), shape[0] - 1)
    return left, top, min(max(right, left + 1), shape[1]), min(max(bottom, top + 1), shape[0])


def _cut(image: np.ndarray, region: _Region, settings: CropSettings, pixels: Pixels) -> np.ndarray:
    left, top, right, bottom = _inside(region, image.shape)
    # Converted after the cut: a small face must not cost a whole photograph.
    face = pixels.coloured(image[top:bottom, left:right], settings.colour)
    if settings.keeps_shape and (left, top, right, bottom) != region:
        columns = np.arange(region[0], region[2]).clip(left, right - 1) - left
        rows = np.arange(region[1], region[3]).clip(top, bottom - 1) - top
        face = face[rows[:, None], columns]
    return face


def _upright(
    image: np.ndarray,
    centre: tuple[float, float],
    sides: tuple[int, int],
    angle: float,
    colour: str,
    pixels: Pixels,
) -> np.ndarray:
    """Rotates a region about its centre at the photograph's own resolution.

    Rotation at full resolution interpolates between neighbours only. Area shrinking follows, so
    that no pixel is skipped and fine patterns do not alias.
    """
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    reach = np.abs(turn) @ np.array(sides) / 2 + _CONTEXT
    region = _region(*(np.array(centre) - reach), *(2 * reach))
    left, top, right, bottom = _inside(region, image.shape)
    face = pixels.coloured(image[top:bottom, left:right], colour)
    # The origin of pixels is the centre of the first one, that of boxes is its corner.
    origin = np.array(centre) - (left, top) - 0.5 - turn @ ((np.array(sides) - 1) / 2)
    return pixels.warped(face, np.column_stack([turn, origin]), sides)
