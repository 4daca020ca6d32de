"""Galleries: pages of images beside what a network looked at in them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from attention_fer.common.cards import CARD, GAP, INK, LINE, SMALL, page, write_lines
from attention_fer.common.checks import one_of, positive_int
from attention_fer.common.files import replacing
from attention_fer.common.text import cut, font, wrap
from attention_fer.explain.drawing.overlay import COLORMAPS
from attention_fer.explain.drawing.tiles import Style, Tile, draw_legend, draw_tile

WIDTH = 1720  # of a page in pixels, unless one card is wider
RELATIVE = "each map relative to its own maximum"
_LABEL_LINES, _SPACE = 2, 4  # lines below a tile; pixels between it and its text


@dataclass(frozen=True, eq=False)
class Card:
    """An image and its explanations.

    Attributes:
        name: of the image, usually a path.
        image: uint8 of shape `(height, width)` or with 1 or 3 channels; None if it could not be
            read.
        text: shown below the image, such as its true class; without an image, the reason.
        tiles: shown beside the image.
    """

    name: str
    image: np.ndarray | None
    text: str
    tiles: Sequence[Tile] = ()


def gallery(
    cards: Sequence[Card],
    path: str | os.PathLike[str],
    *,
    title: str = "",
    notes: str = "",
    meaning: str | None = RELATIVE,
    size: int = 160,
    alpha: float = 0.5,
    colormap: str = "viridis",
) -> Path:
    """Draws one page of cards and writes it as a PNG file, whole or not at all.

    Args:
        cards: at least one; a page of about 50 is pleasant to look at.
        path: the file. Missing folders are made, an existing file is replaced.
        title, notes: text above the cards, the notes in smaller letters.
        meaning: of the colours, shown beside a colour bar; None leaves out the bar.
        size: longest side of an image in pixels.
        alpha, colormap: see `overlay`.

    Returns:
        The path.

    Raises:
        ValueError: no card, a path that does not end in .png, or a value that `overlay` refuses.
    """
    path = Path(path)
    if not cards:
        raise ValueError("cards must hold at least one card, got none.")
    if path.suffix.lower() != ".png":
        raise ValueError(f"path must end in .png, got {str(path)!r}.")
    one_of("colormap", colormap, COLORMAPS)
    style = Style(positive_int("size", size), alpha, colormap)
    tiles = 1 + max(len(card.tiles) for card in cards)
    drawn = [_draw_card(card, tiles, style) for card in cards]
    legend = draw_legend(meaning, style) if meaning else None
    step = drawn[0].width + GAP
    columns = max(1, min(len(cards), (WIDTH - GAP) // step))
    width = max(columns * step + GAP, legend.width + 2 * GAP if legend else 0)
    with replacing(path) as draft:
        page(drawn, width, title, notes, legend).save(draft, "png")
    return path


def _draw_card(card: Card, columns: int, style: Style) -> Image.Image:
    """The name, then the image and its tiles side by side, each with its text below."""
    step, top = style.size + GAP, GAP // 2 + LINE + _SPACE
    below = top + style.size + _SPACE
    size = (columns * step + GAP, below + _LABEL_LINES * LINE + GAP // 2)
    result, inside = Image.new("RGB", size, CARD), size[0] - 2 * GAP
    letters = font(SMALL)
    name = cut(card.name, inside, letters, keep_end=True)
    ImageDraw.Draw(result).text((GAP, GAP // 2), name, INK, letters)
    if card.image is None:
        write_lines(result, (GAP, top + GAP), wrap(card.text, inside, letters, 4))
        return result
    for column, tile in enumerate([Tile(card.text), *card.tiles]):
        left, picture = GAP + column * step, draw_tile(card.image, tile, style)
        across, down = (style.size - picture.width) // 2, (style.size - picture.height) // 2
        result.paste(picture, (left + across, top + down))
        write_lines(result, (left, below), _labels(tile.title, style.size))
    return result


def _labels(title: str, width: int) -> list[str]:
    """The lines of a title; a single line is wrapped."""
    lines, letters = title.split("\n"), font(SMALL)
    if len(lines) == 1:
        return wrap(title, width, letters, _LABEL_LINES)
    return [cut(line, width, letters) for line in lines[:_LABEL_LINES]]
