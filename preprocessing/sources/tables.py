"""Text tables, such as CSV, in any common encoding and with any separator: a dictionary per row."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import PurePosixPath

from preprocessing.raw_files.files import Files, UnreadableError, read_lines

SUFFIXES = (".csv", ".tsv", ".txt", "")
"""How the names of tables end; "" for a file whose name has no ending."""

_SEPARATORS = ",;\t|"

Cells = dict[str, str]


def is_table(name: str) -> bool:
    """Whether a file's name ends as a table's may."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def first_line(files: Files, name: str) -> str:
    """Returns the first line of a file; "" if it is unreadable."""
    try:
        line = next(read_lines(files, name), "")
    except UnreadableError:
        return ""
    return "" if isinstance(line, UnreadableError) else line


def separator(line: str) -> str:
    """Returns the separator that gives a line the most cells; a blank only without any other."""
    best = max(_SEPARATORS, key=lambda one: len(split(line, one)))
    return " " if len(split(line, best)) < 2 and " " in line.strip() else best


def split(line: str, by: str) -> list[str]:
    """Splits one line into cells without blanks around them; empty if it is not CSV."""
    try:
        cells = next(csv.reader([line], delimiter=by, skipinitialspace=True), [])
    except csv.Error:  # a junk line longer than the module's limit for one cell
        return []
    return [cell.strip() for cell in cells]


def header(files: Files, name: str) -> list[str]:
    """Returns the column names in lower case; empty if unreadable."""
    line = first_line(files, name)
    return [cell.lower() for cell in split(line, separator(line))]


def rows(
    files: Files, name: str, columns: list[str] | None = None, headed: bool | None = None
) -> Iterator[tuple[int, Cells | UnreadableError]]:
    """Yields the number and cells, by column, of each non-blank line below the header.

    Lines are parsed one by one, so that a stray quote in a junk line cannot swallow those after it.
    An error takes the place of the cells of a line that is too long or has another number of them.

    Args:
        files, name: the file.
        columns: names of the columns; None to read them in the first line.
        headed: whether the first line is a header; None if there are no `columns`.

    Raises:
        UnreadableError: the rest of the file cannot be read.
    """
    by = separator(first_line(files, name))
    names = header(files, name) if columns is None else columns
    for number, line in enumerate(read_lines(files, name), start=1):
        if number == 1 and (columns is None if headed is None else headed):
            continue
        if isinstance(line, UnreadableError):
            yield number, line
        elif line.strip():
            cells = split(line.strip() if by == " " else line, by)
            wrong = f"{len(cells)} cells, expected {len(names)}"
            row = dict(zip(names, cells, strict=False))
            fits = len(cells) == len(names)
            yield number, row if fits else UnreadableError("wrong number of columns", wrong)
