"""Drawing a contact sheet: photographs with boxes, cards with captions, pages with a title."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

THUMBNAIL, FACE = 208, 144  # longest side in pixels, of the photograph and of the stored image
CHOSEN, OTHER = (0, 255, 0), (255, 160, 0)  # box of the stored face, boxes of others beside it
_PAPER, _CARD, _INK, _FAINT = (255, 255, 255), (238, 238, 238), (20, 20, 20), (90, 90, 90)
_GAP, _LINE, _TITLE_LINE = 8, 17, 30
_WIDTH = 4 * (THUMBNAIL + FACE + 4 * _GAP) + _GAP
_TEXT, _TITLE = (ImageFont.load_default(size) for size in (13, 22))
_LONGEST = 400  # characters of a line that are looked at

Box = tuple[float, ...]
_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, eq=False)
class Photo:
    """A photograph made small, with its own width and height; or why there is none."""

    picture: Image.Image | None = None
    size: tuple[int, int] = (0, 0)
    why: str = "photograph not found"


def photo(image: np.ndarray) -> Photo:
    """The thumbnail of a photograph, uint8 (height, width) or (height, width, channels)."""
    height, width = image.shape[:2]
    return Photo(fitted(image, THUMBNAIL), (width, height))


def fitted(image: np.ndarray, longest: int) -> Image.Image:
    """An image scaled to its longest side; when enlarged its pixels stay visible as squares."""
    if image.ndim == 3 and image.shape[2] != 3:
        image = image[..., 0]
    picture = Image.fromarray(np.ascontiguousarray(image))
    scale = longest / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX
    return picture.resize((width, height), how).convert("RGB")


def marked(shown: Photo, chosen: Box | None = None, boxes: Sequence[Box] = ()) -> Image.Image:
    """The thumbnail with boxes x, y, width, height in pixels of the photograph.

    Where there is none, an empty one that says why.
    """
    if shown.picture is None:
        return _empty(shown.why)
    picture = shown.picture.copy()
    draw = ImageDraw.Draw(picture)
    for box in boxes:
        draw.rectangle(_corners(box, shown.size, picture.size), outline=OTHER)
    if chosen:
        draw.rectangle(_corners(chosen, shown.size, picture.size), outline=CHOSEN, width=2)
    return picture


def _empty(why: str) -> Image.Image:
    picture = Image.new("RGB", (THUMBNAIL, THUMBNAIL), _PAPER)
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(wrapped(why, THUMBNAIL - 2 * _GAP, 8)):
        draw.text((_GAP, _GAP + number * _LINE), line, _FAINT, _TEXT)
    return picture


def _corners(box: Box, size: tuple[int, int], small: tuple[int, int]) -> tuple[int, ...]:
    """Corners on the thumbnail, kept inside it so that every side shows."""
    scale, last = np.divide(small, size), np.subtract(small, 1)
    first = (np.array(box[:2]) * scale).round().clip(0, last)
    stop = (np.add(box[:2], box[2:]) * scale).round() - 1  # Pillow draws the last pixel too
    return tuple(np.concatenate([first, stop.clip(first, last)]).astype(int).tolist())


def card(
    pictures: Sequence[Image.Image], widths: Sequence[int], captions: Sequence[str]
) -> Image.Image:
    """Pictures side by side in columns of these widths; a line of text each below.

    Of the first line, a path, the end is shown; of the others the beginning.
    """
    width = sum(widths) + (len(widths) + 1) * _GAP
    height = THUMBNAIL + 2 * _GAP + len(captions) * _LINE + _GAP // 2
    result = Image.new("RGB", (width, height), _CARD)
    left = _GAP
    for picture, column in zip(pictures, widths, strict=True):
        down = _GAP + (THUMBNAIL - picture.height) // 2
        result.paste(picture, (left + (column - picture.width) // 2, down))
        left += column + _GAP
    draw = ImageDraw.Draw(result)
    for number, caption in enumerate(captions):
        line = _cut(caption, _TEXT, width - 2 * _GAP, keep_end=number == 0)
        place = (_GAP, THUMBNAIL + 2 * _GAP - 2 + number * _LINE)
        draw.text(place, line, _FAINT if number else _INK, _TEXT)
    return result


def page(title: str, subtitle: str, cards: Sequence[Image.Image]) -> Image.Image:
    """Cards of one size in rows, under a title and up to four lines of smaller text."""
    lines = wrapped(subtitle, _WIDTH - 2 * _GAP, 4)
    top = 2 * _GAP + _TITLE_LINE + len(lines) * _LINE
    width, height = cards[0].size if cards else (_WIDTH, 0)
    columns = max(1, (_WIDTH - _GAP) // (width + _GAP))
    rows = -(-len(cards) // columns)
    result = Image.new("RGB", (_WIDTH, top + rows * (height + _GAP)), _PAPER)
    draw = ImageDraw.Draw(result)
    draw.text((_GAP, _GAP), _cut(title, _TITLE, _WIDTH - 2 * _GAP), _INK, _TITLE)
    for number, line in enumerate(lines):
        draw.text((_GAP, _GAP + _TITLE_LINE + number * _LINE), line, _FAINT, _TEXT)
    for number, one in enumerate(cards):
        row, column = divmod(number, columns)
        result.paste(one, (_GAP + column * (width + _GAP), top + row * (height + _GAP)))
    return result


def wrapped(text: str, width: float, most: int) -> list[str]:
    """Text in at most so many lines of a width in pixels."""
    lines: list[str] = []
    for word in _clean(text[: _LONGEST * most]).split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _TEXT.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return [_cut(line, _TEXT, width) for line in lines[:most]]


def _clean(text: str) -> str:
    """Text on one line in the letters that Pillow's own font has: accents go, others are "?"."""
    plain = (
        char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char)
    )
    return "".join(char if " " <= char <= "~" else "?" for char in plain)


def _cut(text: str, font: _Font, width: float, *, keep_end: bool = False) -> str:
    """Text made short enough for a width in pixels."""
    text = _clean(text[-_LONGEST:] if keep_end else text[:_LONGEST])
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[1:] if keep_end else text[:-1]
    return f"...{text}" if keep_end else f"{text}..."
