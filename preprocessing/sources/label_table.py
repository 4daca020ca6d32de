"""The columns of a table of labels, and the photographs that its rows name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import PurePosixPath

from preprocessing.raw_files.files import Files, UnreadableError
from preprocessing.sources import tables
from preprocessing.sources.tables import Cells

ROLES: Mapping[str, tuple[str, ...]] = {
    "image": (
        *("image", "file", "filename", "imagename", "path", "filepath", "imagepath", "img", "pth"),
        *("pic", "picture", "photo", "photograph", "subdirectoryfilepath"),
    ),
    "label": ("label", "emotion", "expression", "class", "classname", "category", "target"),
    "subject": ("subject", "person", "participant", "subjectid", "personid", "identity"),
    "split": ("split", "usage", "set", "subset", "part", "partition"),
    "valence": ("valence",),
    "arousal": ("arousal",),
}
"""What a column may hold -> its usual names, in lower case and without anything but letters."""

_NEEDED = ("image", "label")
NUMBERS = ("valence", "arousal")
_SAMPLE = 200  # rows that are looked at to guess a column


@dataclass(frozen=True)
class LabelTable:
    """A table of labels.

    Attributes:
        files, name: where it is.
        names: a name per column, in order.
        headed: whether the first line of the file has these names.
        roles: the column of each of `ROLES` that it has.
    """

    files: Files
    name: str
    names: list[str]
    headed: bool
    roles: dict[str, str]

    @property
    def source(self) -> str:
        return self.files.source(self.name)

    def rows(self) -> Iterator[tuple[int, Cells | UnreadableError]]:
        return tables.rows(self.files, self.name, self.names, self.headed)


class Finder:
    """Finds files by the names that a table gives them.

    A name may be a path below the folder, or the end of one, or a longer path that ends with one;
    and it may lack its ending. Folders that it names must agree. Case counts only where names
    differ in nothing else.
    """

    def __init__(self, names: Sequence[str]):
        self._names = set(names)
        self._ends: dict[str, list[str]] = {}
        for name in names:
            for end in {PurePosixPath(name).name, PurePosixPath(name).stem}:
                self._ends.setdefault(end.lower(), []).append(name)

    def find(self, called: str) -> str | None:
        """Returns the one file of that name; None if there is none, or several."""
        called = called.replace("\\", "/").removeprefix("./")
        if called in self._names:
            return called
        ends = self._ends.get(PurePosixPath(called).name.lower(), [])
        for cased in (str, str.lower):
            shown = {name: (cased(name), cased(_stem(name))) for name in ends}
            found = [
                name for name in ends if any(_agree(one, cased(called)) for one in shown[name])
            ]
            if found:
                break
        return found[0] if len(found) == 1 else None


def _agree(name: str, called: str) -> bool:
    """Whether one of two paths ends with the other."""
    return f"/{name}".endswith(f"/{called}") or f"/{called}".endswith(f"/{name}")


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))


def open_table(files: Files, name: str, columns: Sequence[str], finder: Finder) -> LabelTable:
    """Finds the columns of a table.

    Args:
        files, name: the table.
        columns: texts like "label=emotion", see `labels.open_labelled`.
        finder: knows the photographs.

    Raises:
        ValueError: unknown columns, or none for the photographs or the labels.
    """
    line = tables.first_line(files, name)
    cells = tables.split(line, tables.separator(line))
    where = files.source(name)
    if not cells:
        raise ValueError(f"{where} must be a table of labels, got no readable first line.")
    if line.lstrip().startswith(("{", "[")):
        raise ValueError(f"{where} must be a table of labels such as CSV, got JSON: convert it.")
    headed = _is_header(cells) or all(finder.find(cell) is None for cell in cells)
    numbers = [str(number) for number in range(1, len(cells) + 1)]
    names = [cell.lower() for cell in cells] if headed else numbers
    if len(set(names)) < len(names):
        raise ValueError(f"{where} must have columns of different names, got {', '.join(cells)}.")
    roles = {**_named(names), **_asked(columns, names, where)}
    table = LabelTable(files, name, names, headed, roles)
    _guess(table, finder)
    if missing := [role for role in _NEEDED if role not in roles]:
        free = [name for name in names if name not in roles.values()] or names
        asked = " ".join(f"{role}={name}" for role, name in zip(missing, cycle(free), strict=False))
        raise ValueError(
            f"{where} must say the {' and the '.join(missing)} of each row. Its columns are "
            f"{', '.join(names)}: name them with --columns, as in {asked}."
        )
    return table


def _is_header(cells: Sequence[str]) -> bool:
    """Whether cells name the columns of images and labels, even if there is an image "image.jpg".

    Digits count here: `image1, class1` is a row.
    """
    plain = {re.sub(r"[\W_]", "", cell.lower()) for cell in cells}
    return all(plain.intersection(ROLES[role]) for role in _NEEDED)


def _named(names: list[str]) -> dict[str, str]:
    """Recognises columns by their names."""
    letters = {re.sub("[^a-z]", "", name): name for name in reversed(names)}
    found = {}
    for role, usual in ROLES.items():
        if there := [letters[name] for name in usual if name in letters]:
            found[role] = there[0]
    return found


def _asked(columns: Sequence[str], names: list[str], where: str) -> dict[str, str]:
    """Reads texts like "label=emotion". Raises ValueError."""
    asked = {}
    for text in columns:
        role, _, name = text.partition("=")
        number = int(name) if name.isascii() and name.isdigit() and len(name) < 5 else 0
        if name.lower() not in names and 1 <= number <= len(names):
            name = names[number - 1]
        if role not in ROLES or name.lower() not in names:
            raise ValueError(
                f"columns must be like label=NAME, with one of {', '.join(ROLES)} and a column of "
                f"{where} ({', '.join(names)}), got {text!r}."
            )
        asked[role] = name.lower()
    return asked


def _guess(table: LabelTable, finder: Finder) -> None:
    """Adds the columns of images and labels to the roles if the content shows them."""
    roles = table.roles
    if "image" not in roles:
        hits: Counter[str] = Counter()
        for _, cells in islice(table.rows(), _SAMPLE):
            if not isinstance(cells, UnreadableError):
                hits.update(name for name, cell in cells.items() if finder.find(cell))
        if hits:
            roles["image"] = hits.most_common(1)[0][0]
    others = [name for name in table.names if name not in roles.values()]
    if "label" not in roles and "image" in roles and len(others) == 1:
        roles["label"] = others[0]
