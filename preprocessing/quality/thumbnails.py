"""Cards of a contact sheet: thumbnails with the boxes of faces, and captions below them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from attention_fer.common.cards import CARD, GAP, INK, LINE, PAPER, SMALL, write_lines
from attention_fer.common.text import cut, font, wrap

PHOTO, FACE = 208, 144  # longest side in pixels, of the photograph and of the stored image
CHOSEN, OTHER = (0, 255, 0), (255, 160, 0)  # box of the stored face, and of the photograph's others

Box = tuple[float, ...]
"""x, y, width, height in pixels of the photograph."""


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A photograph made small.

    Attributes:
        picture: None if the photograph cannot be shown.
        size: width and height of the photograph in pixels.
        why: the reason where there is no picture.
    """

    picture: Image.Image | None = None
    size: tuple[int, int] = (0, 0)
    why: str = "photograph not found"


def make_thumbnail(image: np.ndarray) -> Thumbnail:
    """Makes the thumbnail of a photograph, uint8 (height, width) or (height, width, channels)."""
    height, width = image.shape[:2]
    return Thumbnail(fit(image, PHOTO), (width, height))


def fit(image: np.ndarray, longest: int) -> Image.Image:
    """Scales an image to `longest` pixels along its longer side; enlarged pixels stay squares."""
    if image.ndim == 3 and image.shape[2] != 3:
        image = image[..., 0]
    picture = Image.fromarray(np.ascontiguousarray(image))
    scale = longest / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX
    return picture.resize((width, height), how).convert("RGB")


def draw_boxes(
    shown: Thumbnail, chosen: Box | None = None, boxes: Sequence[Box] = ()
) -> Image.Image:
    """Draws the boxes of faces on a thumbnail; an empty one says why there is no picture."""
    if shown.picture is None:
        picture = Image.new("RGB", (PHOTO, PHOTO), PAPER)
        write_lines(picture, (GAP, GAP), wrap(shown.why, PHOTO - 2 * GAP, font(SMALL), 8))
        return picture
    picture = shown.picture.copy()
    draw = ImageDraw.Draw(picture)
    for box in boxes:
        draw.rectangle(_corners(box, shown.size, picture.size), outline=OTHER)
    if chosen:
        draw.rectangle(_corners(chosen, shown.size, picture.size), outline=CHOSEN, width=2)
    return picture


def _corners(box: Box, size: tuple[int, int], small: tuple[int, int]) -> tuple[int, ...]:
    """Corners on the thumbnail, kept inside it so that every side shows."""
    scale, last = np.divide(small, size), np.subtract(small, 1)
    first = (np.array(box[:2]) * scale).round().clip(0, last)
    stop = (np.add(box[:2], box[2:]) * scale).round() - 1  # Pillow draws the last pixel, too
    return tuple(np.concatenate([first, stop.clip(first, last)]).astype(int).tolist())


def draw_card(
    pictures: Sequence[Image.Image], widths: Sequence[int], captions: Sequence[str]
) -> Image.Image:
    """Draws pictures side by side in columns of these widths, and lines of text below.

    The first line, a path, is cut at its beginning, the others at their end.
    """
    width = sum(widths) + (len(widths) + 1) * GAP
    text = PHOTO + 2 * GAP - 2
    result = Image.new("RGB", (width, text + 2 + len(captions) * LINE + GAP // 2), CARD)
    left = GAP
    for picture, column in zip(pictures, widths, strict=True):
        down = GAP + (PHOTO - picture.height) // 2
        result.paste(picture, (left + (column - picture.width) // 2, down))
        left += column + GAP
    letters, inside = font(SMALL), width - 2 * GAP
    path = cut(captions[0], inside, letters, keep_end=True)
    ImageDraw.Draw(result).text((GAP, text), path, INK, letters)
    rest = [cut(caption, inside, letters) for caption in captions[1:]]
    write_lines(result, (GAP, text + LINE), rest)
    return result
