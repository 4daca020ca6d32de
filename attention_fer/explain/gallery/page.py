"""Galleries: pages of pictures with what a network looked at beside them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from attention_fer.common.checks import one_of, positive_int
from attention_fer.explain.gallery.overlay import COLORMAPS
from attention_fer.explain.gallery.pil import Image, ImageDraw
from attention_fer.explain.gallery.tiles import (
    CARD,
    FAINT,
    INK,
    LINE,
    PAPER,
    TEXT,
    TITLE,
    Look,
    Tile,
    cut,
    drawn,
    legend,
    wrapped,
)

WIDTH = 1720  # of a page in pixels, unless one card is wider
RELATIVE = "each map relative to its own maximum"
_GAP, _LABEL_LINES, _TITLE_LINE = 8, 2, 28


@dataclass(frozen=True, eq=False)
class Card:
    """A picture and what explains it.

    Attributes:
        name: of the picture, a path.
        image: uint8 of shape `(height, width)` or with 1 or 3 channels; None where it could not
            be read.
        text: below the picture, such as its true class; where there is none, why.
        tiles: beside the picture.
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
    """Draws one page of cards and writes it as PNG, whole or not at all.

    Args:
        cards: at least one; about 50 make a page that is pleasant to look at.
        path: the file; one that is there is replaced, its folder is made.
        title, notes: above the cards, the notes in smaller text.
        meaning: of the colours, beside their bar; None for no bar.
        size: longest side of a picture in pixels.
        alpha, colormap: see `overlay`.

    Raises:
        ValueError: no card, a path that does not end in .png, or what `overlay` refuses.
    """
    path = Path(path)
    if not cards:
        raise ValueError("Expected at least one card, given: none.")
    if path.suffix.lower() != ".png":
        raise ValueError(f"A gallery is a .png file, given: {str(path)!r}.")
    one_of("colormap", colormap, COLORMAPS)
    look = Look(positive_int("size", size), alpha, colormap)
    columns = 1 + max(len(card.tiles) for card in cards)
    pictures = [_card(card, columns, look) for card in cards]
    sheet = _page(title, notes, legend(meaning, look) if meaning else None, pictures)
    _write(sheet, path)
    return path


def _card(card: Card, columns: int, look: Look) -> Image.Image:
    """The name, then the picture and its tiles side by side, each with its text below."""
    step = look.size + _GAP
    height = _GAP + LINE + 4 + look.size + 4 + _LABEL_LINES * LINE + _GAP // 2
    result = Image.new("RGB", (columns * step + _GAP, height), CARD)
    draw = ImageDraw.Draw(result)
    name = cut(card.name, result.width - 2 * _GAP, end=True)
    draw.text((_GAP, _GAP // 2), name, INK, TEXT)
    if card.image is None:
        for number, line in enumerate(wrapped(card.text, result.width - 2 * _GAP, 4)):
            draw.text((_GAP, 2 * _GAP + (number + 1) * LINE), line, FAINT, TEXT)
        return result
    for column, tile in enumerate([Tile(card.text), *card.tiles]):
        left, top = _GAP + column * step, _GAP + LINE + 4
        picture = drawn(card.image, tile, look)
        middle = (look.size - picture.width) // 2, (look.size - picture.height) // 2
        result.paste(picture, (left + middle[0], top + middle[1]))
        for number, line in enumerate(_labels(tile.title, look.size)):
            draw.text((left, top + look.size + 4 + number * LINE), line, FAINT, TEXT)
    return result


def _labels(text: str, width: int) -> list[str]:
    """Lines as they are given, or one broken into two."""
    lines = text.split("\n")
    if len(lines) == 1:
        return wrapped(text, width, _LABEL_LINES)
    return [cut(line, width) for line in lines[:_LABEL_LINES]]


def _page(
    title: str, notes: str, bar: Image.Image | None, cards: Sequence[Image.Image]
) -> Image.Image:
    """Cards of one size in rows, under a title, notes and the meaning of the colours."""
    width, height = cards[0].size
    columns = max(1, min(len(cards), (WIDTH - _GAP) // (width + _GAP)))
    across = max(columns * (width + _GAP) + _GAP, bar.width + 2 * _GAP if bar else 0)
    lines = wrapped(notes, across - 2 * _GAP, 6)
    top = _GAP + (_TITLE_LINE if title else 0) + len(lines) * LINE + (LINE + _GAP if bar else 0)
    rows = -(-len(cards) // columns)
    result = Image.new("RGB", (across, top + _GAP + rows * (height + _GAP)), PAPER)
    draw, down = ImageDraw.Draw(result), _GAP
    if title:
        draw.text((_GAP, down), cut(title, across - 2 * _GAP, font=TITLE), INK, TITLE)
        down += _TITLE_LINE
    for line in lines:
        draw.text((_GAP, down), line, FAINT, TEXT)
        down += LINE
    if bar:
        result.paste(bar, (_GAP, down + _GAP // 2))
    for number, one in enumerate(cards):
        row, column = divmod(number, columns)
        place = _GAP + column * (width + _GAP), top + _GAP + row * (height + _GAP)
        result.paste(one, place)
    return result


def _write(sheet: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        sheet.save(draft, "png")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
