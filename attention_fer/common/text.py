"""Text drawn on pictures: one font, one rule for letters it lacks, one way to cut and to wrap."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import ImageFont

_LONGEST = 400  # characters of a line that are looked at


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own font, so that pictures are the same on every machine; `size` in pixels.

    Raises:
        ImportError: Pillow is not installed.
        RuntimeError: Pillow was built without FreeType.
    """
    try:
        from PIL import ImageFont
    except ImportError as error:
        raise ImportError(
            'Drawing pictures needs Pillow: pip install "attention-fer[preprocessing]".'
        ) from error
    found = ImageFont.load_default(size)
    if not isinstance(found, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType; install a wheel from PyPI.")
    return found


def printable(text: str) -> str:
    """Text in the letters Pillow's font has: accents are dropped, other letters become "?"."""
    letters = unicodedata.normalize("NFKD", text)
    return "".join(
        letter if " " <= letter <= "~" else "?"
        for letter in letters
        if not unicodedata.combining(letter)
    )


def class_labels(classes: Sequence[str]) -> list[str]:
    """Printable class names, one line each; `class 3` for a name in another alphabet."""
    names = [" ".join(name.split()) for name in classes]
    return [
        label if label and label.count("?") == name.count("?") else f"class {number}"
        for number, name in enumerate(names)
        for label in [printable(name)]
    ]


def width(text: str, letters: ImageFont.FreeTypeFont) -> int:
    """Pixels that a line takes, rounded up."""
    return int(-(-letters.getlength(text) // 1))


def cut(text: str, most: float, letters: ImageFont.FreeTypeFont, *, keep_end: bool = False) -> str:
    """One printable line, shortened with "..." to `most` pixels.

    Args:
        text: any text.
        most: pixels.
        letters: the font.
        keep_end: drop the beginning instead of the end, for paths.
    """
    text = printable(text[-_LONGEST:] if keep_end else text[:_LONGEST])
    if letters.getlength(text) <= most:
        return text
    while text and letters.getlength(f"{text}...") > most:
        text = text[1:] if keep_end else text[:-1]
    return f"...{text}" if keep_end else f"{text}..."


def wrap(text: str, most: float, letters: ImageFont.FreeTypeFont, lines: int) -> list[str]:
    """Printable text in at most `lines` lines of `most` pixels; the last one is cut."""
    found: list[str] = []
    for word in printable(text[: _LONGEST * lines]).split():
        longer = f"{found[-1]} {word}" if found else word
        if found and letters.getlength(longer) <= most:
            found[-1] = longer
        else:
            found.append(word)
    if len(found) > lines:
        found[lines - 1 :] = [" ".join(found[lines - 1 :])]
    return [cut(line, most, letters) for line in found]
