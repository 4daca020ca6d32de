"""The confusion matrix as a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from attention_fer.common.text import class_labels, cut, font, width

LETTERS, LABEL, HEAD = 15, 150, 24
FULL = np.array([16, 60, 120])  # colour of a class that is always predicted for the row's


def picture(labels: np.ndarray, predicted: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """The confusion matrix, uint8 of shape (height, width, 3).

    A row is a true class, a column a predicted one. A field holds its count and its percentage of
    the row, which also decides its colour; the fields of many classes are too small for figures.

    Args:
        labels, predicted: (n,), class numbers.
        classes: names, by number.
    """
    counts = np.zeros((len(classes), len(classes)), int)
    np.add.at(counts, (labels, predicted), 1)
    side = max(8, min(64, 1200 // len(classes)))
    canvas = _frame(len(classes), side, class_labels(classes))
    draw = ImageDraw.Draw(canvas)
    for row, column in np.ndindex(counts.shape):
        _field(draw, column * side + LABEL, row * side + LABEL, side, counts[row], column)
    return np.asarray(canvas)


def _frame(n: int, side: int, labels: Sequence[str]) -> Image.Image:
    """Names beside the rows and above the columns of an empty matrix."""
    canvas = Image.new("RGB", (LABEL + n * side + HEAD, LABEL + n * side + HEAD), "white")
    draw, letters = ImageDraw.Draw(canvas), font(min(LETTERS, side + 2))
    draw.text((8, 8), "rows: true", "black", letters)
    draw.text((8, 28), "columns: predicted", "black", letters)
    for number, name in enumerate(labels):
        middle = LABEL + number * side + side / 2
        text = cut(name, LABEL - 60, letters)
        draw.text((LABEL - 8, middle), text, "black", letters, anchor="rm")
        strip = _upright(text, letters)
        canvas.paste(strip, (round(middle - strip.width / 2), LABEL - 8 - strip.height))
    return canvas


def _upright(text: str, letters: ImageFont.FreeTypeFont) -> Image.Image:
    """Black text on white that reads from bottom to top."""
    size = max(1, width(text, letters)), round(letters.size * 1.3)
    strip = Image.new("RGB", size, "white")
    ImageDraw.Draw(strip).text((0, size[1] / 2), text, "black", letters, anchor="lm")
    return strip.transpose(Image.Transpose.ROTATE_90)


def _field(
    draw: ImageDraw.ImageDraw, x: int, y: int, side: int, counts: np.ndarray, column: int
) -> None:
    """One field; `counts` is its whole row."""
    share = counts[column] / max(1, counts.sum())
    colour = tuple(int(v) for v in np.rint(255 + share * (FULL - 255)))
    draw.rectangle((x, y, x + side - 1, y + side - 1), colour, "#dddddd" if side > 10 else None)
    if side < 40:
        return
    ink = "white" if share > 0.5 else "black"
    large, small = font(side // 4), font(side // 5)
    middle = x + side / 2
    draw.text((middle, y + side * 0.38), str(counts[column]), ink, large, anchor="mm")
    if counts.sum():
        draw.text((middle, y + side * 0.7), f"{share:.0%}", ink, small, anchor="mm")
