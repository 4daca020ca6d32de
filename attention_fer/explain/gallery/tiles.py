"""What a gallery's card shows: a picture, with a map over it, or gates as bars."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np

from attention_fer.explain.gallery.overlay import coloured, overlay
from attention_fer.explain.gallery.pil import Image, ImageDraw, ImageFont

INK, FAINT, CARD, PAPER = (20, 20, 20), (90, 90, 90), (238, 238, 238), (255, 255, 255)
LINE = 16
TEXT, TITLE = (ImageFont.load_default(size) for size in (13, 20))
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
_BAR, _RANGE = (59, 82, 139), (170, 180, 208)


@dataclass(frozen=True, eq=False)
class Tile:
    """One explanation of a picture.

    Attributes:
        title: up to two lines of text below it.
        heat: `(height, width)`, from 0 to 1, laid over the picture; or None.
        bars: `(n,)`, drawn instead, from 0 to `most`; or None, for the picture alone.
        most: upper end of the bars.
    """

    title: str
    heat: np.ndarray | None = None
    bars: np.ndarray | None = None
    most: float = 1.0


@dataclass(frozen=True)
class Look:
    """How tiles are drawn: longest side in pixels, share and name of the colours."""

    size: int = 160
    alpha: float = 0.5
    colormap: str = "viridis"


def drawn(image: np.ndarray, tile: Tile, look: Look) -> Image.Image:
    """A tile of a picture, uint8 of shape `(height, width)` or with 1 or 3 channels."""
    if tile.bars is not None:
        return _bars(np.asarray(tile.bars, "float64"), tile.most, look.size)
    picture = enlarged(image, look.size)
    if tile.heat is None:
        return picture
    heat = Image.fromarray(np.asarray(tile.heat, "float32"))
    smooth = np.asarray(heat.resize(picture.size, Image.Resampling.BILINEAR)).clip(0, 1)
    return Image.fromarray(overlay(np.asarray(picture), smooth, look.alpha, look.colormap))


def enlarged(image: np.ndarray, longest: int) -> Image.Image:
    """A picture in colour whose longest side has so many pixels."""
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    picture = Image.fromarray(np.ascontiguousarray(image)).convert("RGB")
    scale = longest / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def legend(text: str, look: Look) -> Image.Image:
    """A bar of the colours from 0 to 1 with its meaning beside it."""
    scale, gap = coloured(np.linspace(0, 1, 160), look.colormap), 6
    left, right = f"{TEXT.getlength('0'):.0f}", f"{TEXT.getlength('1'):.0f}"
    start = int(left) + gap
    result = Image.new("RGB", (start + 160 + 3 * gap + int(right) + width_of(text), LINE), PAPER)
    result.paste(Image.fromarray(np.repeat(scale[None], LINE - 4, 0)), (start, 2))
    draw = ImageDraw.Draw(result)
    draw.text((0, 0), "0", FAINT, TEXT)
    draw.text((start + 160 + gap, 0), f"1  {text}", FAINT, TEXT)
    return result


def width_of(text: str) -> int:
    """Pixels that a line of small text takes."""
    return int(np.ceil(TEXT.getlength(text)))


def cut(text: str, width: float, *, font: Font = TEXT, end: bool = False) -> str:
    """Text on one line that fits into a width in pixels; of a path the end is kept.

    It is in the letters that Pillow's own font surely has: accents go, others become "?".
    """
    text = text[-400:] if end else text[:400]
    letters = unicodedata.normalize("NFKD", text)
    text = "".join(
        letter if " " <= letter <= "~" else "?"
        for letter in letters
        if not unicodedata.combining(letter)
    )
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[1:] if end else text[:-1]
    return f"...{text}" if end else f"{text}..."


def wrapped(text: str, width: float, most: int) -> list[str]:
    """Text in at most so many lines of a width in pixels."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and TEXT.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    if len(lines) > most:
        lines[most - 1 :] = [" ".join(lines[most - 1 :])]
    return [cut(line, width) for line in lines]


def _bars(values: np.ndarray, most: float, size: int) -> Image.Image:
    """A bar for each value; where there are more than pixels, a column's mean and its range."""
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
        draw.line((0, size * share, size, size * share), (205, 205, 205))
    return result
