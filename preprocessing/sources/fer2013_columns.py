"""Which columns of a table hold FER2013: all pixels in one of them, or one for each pixel."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from attention_fer.common.class_names import BASIC, identity, part_of
from preprocessing.raw_files.files import Files, UnreadableError, read_lines
from preprocessing.sources import tables
from preprocessing.sources.tables import Cells

CLASSES = BASIC
SIDE = 48
USAGES = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}

_ROLES = {
    "emotion": ("emotion", "emotions", "label", "labels", "class", "expression", "target", "y"),
    "pixels": ("pixels", "pixel"),
    "usage": ("usage", "split", "set", "part"),
}
_MANY = 100  # numbers in one cell, which are then pixels
_SAMPLE = 50  # rows that are looked at where no header names the columns


@dataclass(frozen=True)
class Columns:
    """What the columns of a table hold.

    Attributes:
        names: a name per column, in order: "emotion", "pixels", "usage", or that in the file.
        headed: whether the first line of the file names them.
        pixels: places of the columns with a pixel each, row by row of the image; empty if one
            column has all pixels.
    """

    names: list[str]
    headed: bool
    pixels: tuple[int, ...] = ()


def columns(files: Files, name: str) -> Columns | None:
    """Finds the columns by their names or, without a header, by their content.

    None if there are no pixels, or if columns cannot be told apart.
    """
    line = tables.first_line(files, name)
    by = tables.separator(line)
    cells = tables.split(line, by)
    if len(cells) >= SIDE * SIDE:
        return _of_numbered(cells) or _of_rows(_first_rows(files, name, by, len(cells)))
    roles = [_role(cell) for cell in cells]
    if "pixels" in roles:
        return Columns(roles, True)
    found = [_content(cell) for cell in cells]
    known = [role for role in found if role]
    if "pixels" not in known or len(set(known)) < len(known):
        return None
    return Columns([role or f"column {n}" for n, role in enumerate(found)], False)


def _role(name: str) -> str:
    lower = name.lower()
    return next((role for role, names in _ROLES.items() if lower in names), lower)


def _content(cell: str) -> str:
    """Returns which column a cell of a row may be in."""
    if len(cell) > _MANY:
        return "pixels" if len(re.findall(r"\d+", cell)) > _MANY else ""
    if part_of(cell):
        return "usage"
    return "emotion" if label_of(cell) else ""


def _of_numbered(header: Sequence[str]) -> Columns | None:
    """Finds the columns of a header that numbers the pixels, such as `pixel_0` or `0`.

    The numbers give the order: some programs sort `pixel_10` before `pixel_2`.
    """
    by_name: dict[str, dict[int, int]] = defaultdict(dict)
    for place, cell in enumerate(header):
        if match := re.fullmatch(r"(.*?)(\d{1,5})", cell.lower()):
            by_name[match[1]][int(match[2])] = place
    for numbered in by_name.values():
        order = sorted(numbered)
        if order == list(range(order[0], order[0] + SIDE * SIDE)):
            places = [numbered[number] for number in order]
            inside = set(places)
            names = ["pixels" if n in inside else _role(c) for n, c in enumerate(header)]
            return Columns(names, True, tuple(places))
    return None


def _first_rows(files: Files, name: str, by: str, width: int) -> list[list[str]]:
    """Returns the first rows that have that many cells."""
    lines = islice(read_lines(files, name), _SAMPLE)
    found = [tables.split(line.strip(), by) for line in lines if isinstance(line, str)]
    return [cells for cells in found if len(cells) == width]


def _of_rows(rows: Sequence[Sequence[str]]) -> Columns | None:
    """Finds the columns by what all of these rows hold: numbers up to 255, and labels or parts.

    Where the first and the last column could both be the labels, the first is.
    """
    by_column = list(zip(*rows, strict=True))
    for start in range(len(by_column) - SIDE * SIDE, -1, -1):
        places = tuple(range(start, start + SIDE * SIDE))
        others = [n for n in range(len(by_column)) if n < start or n > places[-1]]
        roles = {n: _shared(by_column[n]) for n in others}
        known = set(roles.values())
        pixels = all(_is_pixel(cell) for n in places for cell in by_column[n])
        if pixels and "" not in known and len(known) == len(others):
            names = [roles.get(n, "pixels") for n in range(len(by_column))]
            return Columns(names, False, places)
    return None


def _shared(cells: Sequence[str]) -> str:
    """Returns what all cells of a column can be: "usage", "emotion" or neither."""
    kinds: dict[str, Callable[[str], str]] = {"usage": part_of, "emotion": label_of}
    return next((role for role, of in kinds.items() if all(map(of, cells))), "")


def _is_pixel(cell: str) -> bool:
    number = whole_number(cell)
    return number is not None and 0 <= number <= 255


def rows(files: Files, name: str) -> Iterator[tuple[int, Cells | UnreadableError]]:
    """Yields number and cells of each row by the names in `Columns`, see `tables.rows`.

    The cell "pixels" has all pixels of the row.
    """
    found = columns(files, name)
    if found is None:
        return
    places = [str(n) for n in range(len(found.names))]
    for number, cells in tables.rows(files, name, places, found.headed):
        if isinstance(cells, UnreadableError):
            yield number, cells
        else:
            yield number, _named(found, list(cells.values()))


def _named(found: Columns, cells: Sequence[str]) -> Cells:
    named = dict(zip(found.names, cells, strict=True))
    if found.pixels:
        named["pixels"] = " ".join(cells[n] or "?" for n in found.pixels)
    return named


def label_of(text: str, classes: Sequence[str] = CLASSES) -> str:
    """Returns the class of a number or a name, such as "3", "3.0" or "Happiness"; "" if none."""
    number = whole_number(text)
    if number is None:
        return identity(text) if identity(text) in classes else ""
    return classes[number] if 0 <= number < len(classes) else ""


def whole_number(text: str) -> int | None:
    """Returns the whole number that a short text is, such as "3" or "3.0"."""
    match = re.fullmatch(r"(-?\d{1,6})(?:\.0*)?", text)
    return int(match[1]) if match else None
