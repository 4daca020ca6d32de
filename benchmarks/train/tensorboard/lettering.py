"""Text in pictures, whatever the classes are called."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache

from PIL import Image, ImageDraw, ImageFont

# No font has a glyph here; it draws the sign that stands for one it does not have.
_NO_GLYPH = "\U0010ffff"


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own font, so that pictures are the same on every machine; `size` in pixels."""
    found = ImageFont.load_default(size)
    if not isinstance(found, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType; install a wheel from PyPI.")
    return found


def names(classes: Sequence[str]) -> list[str]:
    """The classes' names on one line each, without accents; `class 3` for other alphabets."""
    letters = font(16)
    plain = [" ".join(_bare(name).split()) for name in classes]
    return [
        name if name and _drawable(name, letters) else f"class {number}"
        for number, name in enumerate(plain)
    ]


def fitted(text: str, width: float, letters: ImageFont.FreeTypeFont) -> str:
    """`text`, cut and marked with two dots where it is wider than `width` pixels."""
    if letters.getlength(text) <= width:
        return text
    while text and letters.getlength(text + "..") > width:
        text = text[:-1]
    return text + ".." if text else ""


def upright(text: str, letters: ImageFont.FreeTypeFont) -> Image.Image:
    """Black text on white that reads from bottom to top."""
    size = (max(1, round(letters.getlength(text))), round(letters.size * 1.3))
    strip = Image.new("RGB", size, "white")
    ImageDraw.Draw(strip).text((0, size[1] / 2), text, "black", letters, anchor="lm")
    return strip.transpose(Image.Transpose.ROTATE_90)


def _bare(text: str) -> str:
    # Pillow's font holds little more than ASCII.
    parts = unicodedata.normalize("NFKD", text)
    return "".join(part for part in parts if not unicodedata.combining(part))


def _drawable(text: str, letters: ImageFont.FreeTypeFont) -> bool:
    try:
        missing = bytes(letters.getmask(_NO_GLYPH))
        return all(bytes(letters.getmask(letter)) != missing for letter in set(text))
    except UnicodeEncodeError:  # Half of a surrogate pair, from a file name that is not UTF-8.
        return False
