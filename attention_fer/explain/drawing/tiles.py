"""Tiles of a gallery: an image, a map laid over it, or gates as bars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from attention_fer.common import text
from attention_fer.common.cards import FAINT, LINE, PAPER, SMALL
from attention_fer.explain.drawing.overlay import apply_colormap, overlay

_BAR, _RANGE, _GRID = (59, 82, 139), (170, 180, 208), (205, 205, 205)
_SCALE = 160  # width of the colour bar in pixels


@dataclass(frozen=True, eq=False)
class Tile:
    """One explanation of an image.

    Attributes:
        title: up to two lines of text below it.
        heat: `(height, width)`, from 0 to 1, laid over the image; or None.
        bars: `(n,)`, drawn in its place, from 0 to `most`; or None.
        most: upper end of the bars.
    """

    title: str
    heat: np.ndarray | None = None
    bars: np.ndarray | None = None
    most: float = 1.0


@dataclass(frozen=True)
class Style:
    """How tiles are drawn: longest side in pixels; `alpha` and `colormap` as for `overlay`."""

    size: int = 160
    alpha: float = 0.5
    colormap: str = "viridis"


def draw_tile(image: np.ndarray, tile: Tile, style: Style) -> Image.Image:
    """Draws a tile for an image, uint8 of shape `(height, width)` or with 1 or 3 channels."""
    if tile.bars is not None:
        return _draw_bars(np.asarray(tile.bars, "float64"), tile.most, style.size)
    picture = _enlarge(image, style.size)
    if tile.heat is None:
        return picture
    heat = Image.fromarray(np.asarray(tile.heat, "float32"))
    smooth = np.asarray(heat.resize(picture.size, Image.Resampling.BILINEAR)).clip(0, 1)
    return Image.fromarray(overlay(np.asarray(picture), smooth, style.alpha, style.colormap))


def draw_legend(meaning: str, style: Style) -> Image.Image:
    """Draws a bar of the colours from 0 to 1 with its meaning beside it."""
    letters, gap = text.font(SMALL), 6
    start = text.width("0", letters) + gap
    after = text.printable(f"1  {meaning}")
    width = start + _SCALE + gap + text.width(after, letters)
    result = Image.new("RGB", (width, LINE), PAPER)
    scale = apply_colormap(np.linspace(0, 1, _SCALE), style.colormap)
    result.paste(Image.fromarray(np.repeat(scale[None], LINE - 5, 0)), (start, 2))
    draw = ImageDraw.Draw(result)
    draw.text((0, 0), "0", FAINT, letters)
    draw.text((start + _SCALE + gap, 0), after, FAINT, letters)
    return result


def _enlarge(image: np.ndarray, longest: int) -> Image.Image:
    """The image in colour, with `longest` pixels along its longer side."""
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    picture = Image.fromarray(np.ascontiguousarray(image)).convert("RGB")
    scale = longest / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _draw_bars(values: np.ndarray, most: float, size: int) -> Image.Image:
    """A bar for each value; with more values than pixels, each column's mean and range."""
    result = Image.new("RGB", (size, size), PAPER)
    draw = ImageDraw.Draw(result)
    columns = np.array_split(values, min(size, len(values)))
    edges = np.linspace(0, size, len(columns) + 1).round().astype(int)
    for left, right, column in zip(edges[:-1], edges[1:], columns, strict=True):
        low, mean, high = (
            size - round(float(value) / most * (size - 1)) - 1
            for value in (column.min(), column.mean(), column.max())
        )
        draw.rectangle((left, mean, right - 1, size - 1), _BAR)
        draw.rectangle((left, high, right - 1, low), _RANGE if high < low else _BAR)
    for share in (0.25, 0.5, 0.75):
        draw.line((0, size * share, size, size * share), _GRID)
    return result
