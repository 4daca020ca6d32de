"""Galleries: pages that show images next to what a network looked at in them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from attention_fer.common.cards import CARD, FAINT, GAP, INK, LINE, PAPER, SMALL, page, write_lines
from attention_fer.common.files import replacing
from attention_fer.common.text import cut, font, printable, width, wrap
from attention_fer.explain.drawing.overlay import apply_colormap, overlay

WIDTH = 1720  # of a page in pixels, unless one card is wider
RELATIVE = "each map relative to its own maximum"
_SIDE = 160  # longer side of an image in pixels
_LABEL_LINES, _SPACE = 2, 4  # lines below a tile; pixels between it and its text
_BAR, _RANGE, _GRID = (59, 82, 139), (170, 180, 208), (205, 205, 205)
_SCALE = 160  # width of the colour bar in pixels


@dataclass(frozen=True, eq=False)
class Tile:
    """One explanation of an image.

    Attributes:
        title: up to two lines of text below it.
        heat: `(height, width)`, from 0 to 1, laid over the image; or None.
        bars: `(n,)`, from 0 to 1, drawn in its place; or None.
    """

    title: str
    heat: np.ndarray | None = None
    bars: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Card:
    """An image and its explanations.

    Attributes:
        name: name of the image, usually a path.
        image: uint8 of shape `(height, width)` or with 1 or 3 channels; None if it could not be
            read.
        text: shown below the image, such as its true class; without an image, the reason.
        tiles: shown next to the image.
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
) -> Path:
    """Draws one page of cards and writes it as a PNG file, whole or not at all.

    Args:
        cards: at least one; about 50 fit well on a page.
        path: the file. Missing folders are made, an existing file is replaced.
        title, notes: text above the cards, the notes in smaller letters.
        meaning: meaning of the colours, shown next to a colour bar; None leaves out the bar.

    Returns:
        The path.

    Raises:
        ValueError: no card, a path that does not end in .png, or a map that `overlay` refuses.
    """
    path = Path(path)
    if not cards:
        raise ValueError("cards must hold at least one card, got none.")
    if path.suffix.lower() != ".png":
        raise ValueError(f"path must end in .png, got {str(path)!r}.")
    tiles = 1 + max(len(card.tiles) for card in cards)
    drawn = [_draw_card(card, tiles) for card in cards]
    legend = _draw_legend(meaning) if meaning else None
    step = drawn[0].width + GAP
    columns = max(1, min(len(cards), (WIDTH - GAP) // step))
    across = max(columns * step + GAP, legend.width + 2 * GAP if legend else 0)
    with replacing(path) as draft:
        page(drawn, across, title, notes, legend).save(draft, "png")
    return path


def _draw_card(card: Card, columns: int) -> Image.Image:
    """The name, then the image and its tiles side by side, each with its text below."""
    step, top = _SIDE + GAP, GAP // 2 + LINE + _SPACE
    below = top + _SIDE + _SPACE
    size = (columns * step + GAP, below + _LABEL_LINES * LINE + GAP // 2)
    result, inside = Image.new("RGB", size, CARD), size[0] - 2 * GAP
    letters = font(SMALL)
    name = cut(card.name, inside, letters, keep_end=True)
    ImageDraw.Draw(result).text((GAP, GAP // 2), name, INK, letters)
    if card.image is None:
        write_lines(result, (GAP, top + GAP), wrap(card.text, inside, letters, 4))
        return result
    for column, tile in enumerate([Tile(card.text), *card.tiles]):
        left, picture = GAP + column * step, _draw_tile(card.image, tile)
        across, down = (_SIDE - picture.width) // 2, (_SIDE - picture.height) // 2
        result.paste(picture, (left + across, top + down))
        write_lines(result, (left, below), _labels(tile.title))
    return result


def _labels(title: str) -> list[str]:
    """The lines of a title; a single line is wrapped."""
    lines, letters = title.split("\n"), font(SMALL)
    if len(lines) == 1:
        return wrap(title, _SIDE, letters, _LABEL_LINES)
    return [cut(line, _SIDE, letters) for line in lines[:_LABEL_LINES]]


def _draw_tile(image: np.ndarray, tile: Tile) -> Image.Image:
    """Draws a tile for an image, uint8 of shape `(height, width)` or with 1 or 3 channels."""
    if tile.bars is not None:
        return _draw_bars(np.asarray(tile.bars, "float64"))
    picture = _enlarge(image)
    if tile.heat is None:
        return picture
    heat = Image.fromarray(np.asarray(tile.heat, "float32"))
    smooth = np.asarray(heat.resize(picture.size, Image.Resampling.BILINEAR)).clip(0, 1)
    return Image.fromarray(overlay(np.asarray(picture), smooth))


def _draw_legend(meaning: str) -> Image.Image:
    """Draws a bar of the colours from 0 to 1 with its meaning next to it."""
    letters, gap = font(SMALL), 6
    start = width("0", letters) + gap
    after = printable(f"1  {meaning}")
    across = start + _SCALE + gap + width(after, letters)
    result = Image.new("RGB", (across, LINE), PAPER)
    scale = apply_colormap(np.linspace(0, 1, _SCALE))
    result.paste(Image.fromarray(np.repeat(scale[None], LINE - 5, 0)), (start, 2))
    draw = ImageDraw.Draw(result)
    draw.text((0, 0), "0", FAINT, letters)
    draw.text((start + _SCALE + gap, 0), after, FAINT, letters)
    return result


def _enlarge(image: np.ndarray) -> Image.Image:
    """The image in colour, with `_SIDE` pixels along its longer side."""
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    picture = Image.fromarray(np.ascontiguousarray(image)).convert("RGB")
    scale = _SIDE / max(picture.size)
    across, down = (max(1, round(side * scale)) for side in picture.size)
    return picture.resize((across, down), Image.Resampling.LANCZOS)


def _draw_bars(values: np.ndarray) -> Image.Image:
    """A bar for each value; with more values than pixels, each column's mean and range."""
    result = Image.new("RGB", (_SIDE, _SIDE), PAPER)
    draw = ImageDraw.Draw(result)
    columns = np.array_split(values, min(_SIDE, len(values)))
    edges = np.linspace(0, _SIDE, len(columns) + 1).round().astype(int)
    for left, right, column in zip(edges[:-1], edges[1:], columns, strict=True):
        low, mean, high = (
            _SIDE - round(float(value) * (_SIDE - 1)) - 1
            for value in (column.min(), column.mean(), column.max())
        )
        draw.rectangle((left, mean, right - 1, _SIDE - 1), _BAR)
        draw.rectangle((left, high, right - 1, low), _RANGE if high < low else _BAR)
    for share in (0.25, 0.5, 0.75):
        draw.line((0, _SIDE * share, _SIDE, _SIDE * share), _GRID)
    return result
