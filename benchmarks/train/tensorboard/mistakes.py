"""The faces that a network is most surely wrong about, as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.train.tensorboard.lettering import fitted, font, names

FACE, GAP, LINE, LETTERS, COLUMNS = 128, 10, 18, 14, 6


def worst(labels: np.ndarray, probabilities: np.ndarray, at_most: int) -> np.ndarray:
    """Rows of the wrong predictions, the most probable first; the first of equals first."""
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:at_most]


def picture(
    images: np.ndarray,
    labels: np.ndarray,
    probabilities: np.ndarray,
    classes: Sequence[str],
    at_most: int = 24,
) -> np.ndarray:
    """The surest errors, uint8 of shape (height, width, 3).

    Below each face stand its true class, the predicted one and the probability it was given.

    Args:
        images: uint8 of shape (n, height, width, channels): grey, RGB, or any other number of
            channels, which stand beside each other in grey, row by row.
        labels: (n,), true classes.
        probabilities: (n, classes).
        classes: names, by number.
        at_most: that many faces.

    Raises:
        ValueError: images of another type or shape.
    """
    if images.dtype != np.uint8 or images.ndim != 4:
        raise ValueError(
            "Images must be uint8 of shape (n, height, width, channels), given: "
            f"{images.dtype} of shape {images.shape}."
        )
    rows, called = worst(labels, probabilities, at_most), names(classes)
    canvas = _sheet(len(rows), f"{_errors(labels, probabilities)}; the surest first")
    for place, row in enumerate(rows):
        column, line = place % COLUMNS, place // COLUMNS
        x, y = GAP + column * (FACE + GAP), GAP + LINE + line * (FACE + 2 * LINE + GAP)
        canvas.paste(_face(images[row]), (x, y))
        predicted = probabilities[row].argmax()
        _caption(canvas, x, y, called[labels[row]], called[predicted], probabilities[row].max())
    return np.asarray(canvas)


def _errors(labels: np.ndarray, probabilities: np.ndarray) -> str:
    wrong = int((probabilities.argmax(axis=1) != labels).sum())
    return f"{wrong} of {len(labels)} wrong"


def _sheet(faces: int, title: str) -> Image.Image:
    lines = -(-faces // COLUMNS)
    size = (GAP + COLUMNS * (FACE + GAP), 2 * GAP + LINE + lines * (FACE + 2 * LINE + GAP))
    canvas = Image.new("RGB", size, "white")
    ImageDraw.Draw(canvas).text((GAP, GAP / 2), title, "black", font(LETTERS))
    return canvas


def _face(pixels: np.ndarray) -> Image.Image:
    """An image enlarged or reduced into a square, its proportions kept."""
    image = Image.fromarray(pixels if pixels.shape[2] == 3 else _grey(pixels)).convert("RGB")
    scale = FACE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    square = Image.new("RGB", (FACE, FACE), "white")
    resized = image.resize(size, Image.Resampling.BICUBIC)
    square.paste(resized, ((FACE - size[0]) // 2, (FACE - size[1]) // 2))
    return square


def _grey(pixels: np.ndarray) -> np.ndarray:
    """The channels of an image in a square as far as they fill it, (rows, columns)."""
    height, width, count = pixels.shape
    columns = math.ceil(math.sqrt(count))
    rows = -(-count // columns)
    places = np.full((rows * columns, height, width), 255, np.uint8)
    places[:count] = np.moveaxis(pixels, 2, 0)
    grid = places.reshape(rows, columns, height, width).swapaxes(1, 2)
    return grid.reshape(rows * height, columns * width)


def _caption(
    canvas: Image.Image, x: int, y: int, true: str, predicted: str, probability: float
) -> None:
    draw, letters = ImageDraw.Draw(canvas), font(LETTERS)
    arrow, percent = " ->", f" {probability:.0%}"
    first = fitted(true, FACE - letters.getlength(arrow), letters) + arrow
    second = fitted(predicted, FACE - letters.getlength(percent), letters) + percent
    draw.text((x, y + FACE + 2), first, "black", letters)
    draw.text((x, y + FACE + 2 + LINE), second, "#b00020", letters)
