"""Pictures of a test result: the confusion matrix, and the most confident errors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from attention_fer.common import cards
from attention_fer.common.text import class_labels, cut, font, width

# Of the confusion matrix, in pixels: size of text, room for names, margin.
LETTERS, LABEL, HEAD = 15, 150, 24
FULL = np.array([16, 60, 120])  # colour of a cell that has all images of its row
# Of the errors, in pixels: side of a face, height of a line, size of text; and faces per row.
FACE, LINE, CAPTION, COLUMNS = 128, 18, 14, 6
CARD = FACE + 2 * LINE + 4  # height in pixels
WIDTH = COLUMNS * (FACE + cards.GAP) + cards.GAP


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Return the confusion matrix as a picture, uint8 of shape (height, width, 3).

    Rows are true classes, columns predicted ones. A cell shows its count and its percentage of the
    row, which also decides its colour; with many classes cells are too small for numbers.

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
        _draw_cell(draw, column * side + LABEL, row * side + LABEL, side, counts[row], column)
    return np.asarray(canvas)


def _frame(n: int, side: int, labels: Sequence[str]) -> Image.Image:
    """Names next to the rows and above the columns of an empty matrix."""
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
    """Black text on white, reading from bottom to top."""
    size = max(1, width(text, letters)), round(letters.size * 1.3)
    strip = Image.new("RGB", size, "white")
    ImageDraw.Draw(strip).text((0, size[1] / 2), text, "black", letters, anchor="lm")
    return strip.transpose(Image.Transpose.ROTATE_90)


def _draw_cell(
    draw: ImageDraw.ImageDraw, x: int, y: int, side: int, counts: np.ndarray, column: int
) -> None:
    """Draws one cell; `counts` is its whole row."""
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


def worst(labels: np.ndarray, probabilities: np.ndarray, at_most: int) -> np.ndarray:
    """Return the rows of wrong predictions, the most probable first, ties in order."""
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:at_most]


def errors(
    images: np.ndarray,
    labels: np.ndarray,
    probabilities: np.ndarray,
    classes: Sequence[str],
    at_most: int = 24,
) -> np.ndarray:
    """Return the most confident errors as a picture, uint8 of shape (height, width, 3).

    Below each face are its true class, the predicted one and its probability.

    Args:
        images: uint8 of shape (n, height, width, channels): grey, RGB, or any other number of
            channels, which are shown side by side in grey, row by row.
        labels: (n,), true classes.
        probabilities: (n, classes).
        classes: names, by number.
        at_most: maximum number of faces.

    Raises:
        ValueError: images of another type or shape.
    """
    if images.dtype != np.uint8 or images.ndim != 4:
        raise ValueError(
            "images must be uint8 of shape (n, height, width, channels), got "
            f"{images.dtype} of shape {images.shape}."
        )
    names, faces = class_labels(classes), []
    for row in worst(labels, probabilities, at_most):
        predicted = probabilities[row].argmax()
        faces.append(_face(images[row]))
        _caption(faces[-1], names[labels[row]], names[predicted], probabilities[row].max())
    wrong = int((probabilities.argmax(axis=1) != labels).sum())
    title = f"{wrong} of {len(labels)} wrong; the most confident first"
    return np.asarray(cards.page(faces, WIDTH, title))


def _face(pixels: np.ndarray) -> Image.Image:
    """An image scaled to fit a square, with room for a caption below."""
    image = Image.fromarray(pixels if pixels.shape[2] == 3 else _grey(pixels)).convert("RGB")
    scale = FACE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    card = Image.new("RGB", (FACE, CARD), cards.PAPER)
    resized = image.resize(size, Image.Resampling.BICUBIC)
    card.paste(resized, ((FACE - size[0]) // 2, (FACE - size[1]) // 2))
    return card


def _grey(pixels: np.ndarray) -> np.ndarray:
    """The channels of an image side by side in a square grid, (rows, columns)."""
    height, width, count = pixels.shape
    columns = math.ceil(math.sqrt(count))
    rows = -(-count // columns)
    places = np.full((rows * columns, height, width), 255, np.uint8)
    places[:count] = np.moveaxis(pixels, 2, 0)
    grid = places.reshape(rows, columns, height, width).swapaxes(1, 2)
    return grid.reshape(rows * height, columns * width)


def _caption(card: Image.Image, true: str, predicted: str, probability: float) -> None:
    draw, letters = ImageDraw.Draw(card), font(CAPTION)
    arrow, percent = " ->", f" {probability:.0%}"
    first = cut(true, FACE - letters.getlength(arrow), letters) + arrow
    second = cut(predicted, FACE - letters.getlength(percent), letters) + percent
    draw.text((0, FACE + 2), first, "black", letters)
    draw.text((0, FACE + 2 + LINE), second, "#b00020", letters)
