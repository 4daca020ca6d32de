"""Pages of cards: pictures of one size in rows, below a title and a few lines of notes."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from attention_fer.common.text import cut, font, wrap

INK, FAINT, CARD, PAPER = (20, 20, 20), (90, 90, 90), (238, 238, 238), (255, 255, 255)
GAP, LINE, SMALL = 8, 17, 13  # pixels: around cards, between two lines, height of the text
_TITLE, _TITLE_LINE, _MOST_NOTES = 20, 29, 6


def page(
    cards: Sequence[Image.Image],
    width: int,
    title: str = "",
    notes: str = "",
    legend: Image.Image | None = None,
) -> Image.Image:
    """Lays out cards of one size, as many side by side as fit.

    Args:
        cards: may be empty, which leaves the title and the notes.
        width: width of the page in pixels.
        title: one line, cut where it is longer.
        notes: smaller text below the title, at most six lines.
        legend: picture between the notes and the cards.
    """
    inside = width - 2 * GAP
    lines = wrap(notes, inside, font(SMALL), _MOST_NOTES)
    below_title = GAP + (_TITLE_LINE if title else 0)
    below_notes = below_title + len(lines) * LINE
    top = below_notes + GAP + (legend.height + GAP if legend else 0)
    across, down = cards[0].size if cards else (inside, 0)
    columns = max(1, (width - GAP) // (across + GAP))
    rows = -(-len(cards) // columns)
    result = Image.new("RGB", (width, top + rows * (down + GAP)), PAPER)
    if title:
        letters = font(_TITLE)
        ImageDraw.Draw(result).text((GAP, GAP), cut(title, inside, letters), INK, letters)
    write_lines(result, (GAP, below_title), lines)
    if legend:
        result.paste(legend, (GAP, below_notes + GAP // 2))
    for number, card in enumerate(cards):
        row, column = divmod(number, columns)
        result.paste(card, (GAP + column * (across + GAP), top + row * (down + GAP)))
    return result


def write_lines(picture: Image.Image, place: tuple[int, int], lines: Sequence[str]) -> None:
    """Draws lines of small, faint text below each other, the first at `place`: left, top."""
    draw, (left, top) = ImageDraw.Draw(picture), place
    for number, line in enumerate(lines):
        draw.text((left, top + number * LINE), line, FAINT, font(SMALL))
