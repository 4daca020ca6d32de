"""The faces that a network is most surely wrong about, as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from attention_fer.common import cards
from attention_fer.common.text import class_labels, cut, font

FACE, LINE, LETTERS, COLUMNS = 128, 18, 14, 6
CARD = FACE + 2 * LINE + 4  # height in pixels
WIDTH = COLUMNS * (FACE + cards.GAP) + cards.GAP


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
    names, faces = class_labels(classes), []
    for row in worst(labels, probabilities, at_most):
        predicted = probabilities[row].argmax()
        faces.append(_face(images[row]))
        _caption(faces[-1], names[labels[row]], names[predicted], probabilities[row].max())
    title = f"{_errors(labels, probabilities)}; the surest first"
    return np.asarray(cards.page(faces, WIDTH, title))


def _errors(labels: np.ndarray, probabilities: np.ndarray) -> str:
    wrong = int((probabilities.argmax(axis=1) != labels).sum())
    return f"{wrong} of {len(labels)} wrong"


def _face(pixels: np.ndarray) -> Image.Image:
    """An image scaled into a square, its proportions kept, with room for a caption below."""
    image = Image.fromarray(pixels if pixels.shape[2] == 3 else _grey(pixels)).convert("RGB")
    scale = FACE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    card = Image.new("RGB", (FACE, CARD), cards.PAPER)
    resized = image.resize(size, Image.Resampling.BICUBIC)
    card.paste(resized, ((FACE - size[0]) // 2, (FACE - size[1]) // 2))
    return card


def _grey(pixels: np.ndarray) -> np.ndarray:
    """The channels of an image in a square as far as they fill it, (rows, columns)."""
    height, width, count = pixels.shape
    columns = math.ceil(math.sqrt(count))
    rows = -(-count // columns)
    places = np.full((rows * columns, height, width), 255, np.uint8)
    places[:count] = np.moveaxis(pixels, 2, 0)
    grid = places.reshape(rows, columns, height, width).swapaxes(1, 2)
    return grid.reshape(rows * height, columns * width)


def _caption(card: Image.Image, true: str, predicted: str, probability: float) -> None:
    draw, letters = ImageDraw.Draw(card), font(LETTERS)
    arrow, percent = " ->", f" {probability:.0%}"
    first = cut(true, FACE - letters.getlength(arrow), letters) + arrow
    second = cut(predicted, FACE - letters.getlength(percent), letters) + percent
    draw.text((0, FACE + 2), first, "black", letters)
    draw.text((0, FACE + 2 + LINE), second, "#b00020", letters)
