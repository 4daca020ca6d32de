"""FER2013 as tables: `emotion,pixels,Usage` in the variants in use, and CK+ in the same form."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath

import numpy as np

from attention_fer.common.class_names import BASIC, identity, part_of
from preprocessing.raw_files.files import Files, Rejected, UnreadableError
from preprocessing.sources import tables
from preprocessing.sources.base import SPLITS, Notice, Sample
from preprocessing.sources.tables import Cells, is_table

CLASSES = BASIC
SIDE = 48
USAGES = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}
ROWS = 35_887
PARTS = {split: (split,) for split in USAGES.values()}

NO_LABELS = (
    "{} holds no labels, so the test parts are left out: "
    "use icml_face_data.csv or fer2013.csv to include them."
)

_ROLES = {
    "emotion": ("emotion", "emotions", "label", "labels", "class", "expression"),
    "pixels": ("pixels", "pixel"),
    "usage": ("usage", "split", "set", "part"),
}
_MANY = 100  # numbers in one cell, which are then pixels


@dataclass(frozen=True, eq=False)
class Distribution:
    """One copy of FER2013.

    Attributes:
        files, names: where it is.
        title: what it is, for messages.
        splits: number of splits, of three, that it has labels for.
        preference: its rank among copies with equally many splits; the smallest is read.
        length: number of its items; of CSV files, the rows of a complete copy, because counting
            them would require reading all.
        read: yields its items; called with a `Notice`.
        parts: the published parts that each of its parts is made of; what nothing tells apart is
            one part.
    """

    files: Files
    names: tuple[str, ...]
    title: str
    splits: int
    preference: int
    length: int
    read: Callable[[Notice], Iterator[Sample | Rejected]]
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: PARTS)


@dataclass(frozen=True)
class Columns:
    """What the columns of a table hold.

    Attributes:
        names: a name per column, in order: "emotion", "pixels", "usage", or that in the file.
        headed: whether the first line of the file names them.
    """

    names: list[str]
    headed: bool


def columns(files: Files, name: str) -> Columns | None:
    """Finds the column of pixels by its name or, without a header, by its content; else None."""
    line = tables.first_line(files, name)
    cells = tables.split(line, tables.separator(line))
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
    if split_of(cell):
        return "usage"
    return "emotion" if label_of(cell) else ""


def find_csv(files: Files, names: list[str]) -> list[Distribution]:
    """Finds tables with FER2013's columns, whatever the files are called.

    CK+ in the same form, see `has_contempt`, is no copy of FER2013.
    """
    by_kind: dict[tuple[str, frozenset], list[str]] = {}
    for name in filter(is_table, names):
        found = columns(files, name)
        if found and not has_contempt(files, name):
            key = (str(PurePosixPath(name).parent), frozenset(found.names))
            by_kind.setdefault(key, []).append(name)
    copies: list[tuple[tuple[str, ...], int, int]] = []  # names, splits, preference
    for (folder, there), same in by_kind.items():
        if {"emotion", "usage"} <= there:
            copies += [((name,), 3, int("icml" in name)) for name in same]
        elif "emotion" in there:
            unlabelled = by_kind.get((folder, frozenset({"pixels"})), [])
            copies += [((*names, *unlabelled), len(names), 3) for names in _together(same)]
        elif (folder, frozenset({"emotion", "pixels"})) not in by_kind:
            copies += [((name,), 0, 4) for name in same]
    return [_distribution(files, *copy) for copy in copies]


def _together(names: list[str]) -> list[tuple[str, ...]]:
    """Returns tables without a column of parts that are read together, such as train and val.csv.

    If the names of the files are those of different parts, each table is a part; else each is a
    copy of its own.
    """
    parts = {name: part_of(PurePosixPath(name).stem) for name in names}
    if len(names) > 1 and all(parts.values()) and len(set(parts.values())) == len(names):
        return [tuple(sorted(names, key=lambda name: SPLITS.index(parts[name])))]
    return [(name,) for name in names]


def _distribution(
    files: Files, names: tuple[str, ...], splits: int, preference: int
) -> Distribution:
    title = files.source(" with ".join(names))
    read = partial(_read, files, names)
    there = {_part_of_file(name) for name in names} if splits == 2 else set(PARTS)
    return Distribution(
        files, names, title, splits, preference, ROWS, read, parts_of(there) if splits else PARTS
    )


def _part_of_file(name: str) -> str:
    """Returns the part of a table without a column for it."""
    return part_of(PurePosixPath(name).stem) or "train"


def parts_of(splits: Set[str]) -> Mapping[str, tuple[str, ...]]:
    """Returns which published parts those of a copy are made of, see `Distribution`."""
    if not splits:
        return {"": tuple(PARTS)}
    tests = sorted(splits - {"train"})
    return {"train": ("train",), tests[0]: ("validation", "test")} if len(tests) == 1 else PARTS


_SMALL = 64 * 2**20  # bytes; FER2013 has five times as many, and counting its rows takes seconds


def has_contempt(files: Files, name: str) -> bool:
    """Whether labels go to 7, as in ckextended.csv, which has FER2013's header.

    One row in a hundred must have it: single rows with a wrong label make no other dataset.
    """
    if files.size(name) > _SMALL:
        return False
    try:
        found = Counter(
            _number(cells.get("emotion", ""))
            for _, cells in rows(files, name)
            if not isinstance(cells, UnreadableError)
        )
    except UnreadableError:
        return False
    return found[7] > 1 and 100 * found[7] >= found.total()


def _read(files: Files, names: tuple[str, ...], notice: Notice) -> Iterator[Sample | Rejected]:
    """Yields one item per row, skipping blank lines."""
    for name in names:
        found = columns(files, name)
        if found and "emotion" not in found.names:
            notice(NO_LABELS.format(files.source(name)))
        if found and not found.headed:
            shown = ", ".join(found.names)
            notice(f"{files.source(name)} has no header: its columns are taken as {shown}.")
        yield from items(files, name)


def rows(files: Files, name: str) -> Iterator[tuple[int, Cells | UnreadableError]]:
    """Yields number and cells of each row by the names in `Columns`, see `tables.rows`."""
    found = columns(files, name)
    if found is None:
        return
    for number, cells in tables.rows(files, name, None if found.headed else found.names):
        if found.headed and not isinstance(cells, UnreadableError):
            cells = dict(zip(found.names, cells.values(), strict=False))
        yield number, cells


def items(files: Files, name: str, classes: Sequence[str] = CLASSES) -> Iterator[Sample | Rejected]:
    """Yields one item per row, and a final one if the rest of the file cannot be read.

    Args:
        files, name: the file.
        classes: the class of each number.
    """
    where = files.source(name)
    try:
        for number, cells in rows(files, name):
            yield _item(f"{where}:{number}", cells, classes, _part_of_file(name))
    except UnreadableError as error:
        yield Rejected(where, error.reason, str(error))


def _item(
    source: str, row: Cells | UnreadableError, classes: Sequence[str], part: str
) -> Sample | Rejected:
    try:
        if isinstance(row, UnreadableError):
            raise row
        label = _label(row, classes)
        split = _split(row.get("usage", part))
        return Sample(partial(_image, row["pixels"]), label, "", split, source)
    except UnreadableError as error:
        return Rejected(source, error.reason, str(error))


def label_of(text: str, classes: Sequence[str] = CLASSES) -> str:
    """Returns the class of a number or a name, such as "3", "3.0" or "Happiness"; "" if none."""
    number = _number(text)
    if number is None:
        return identity(text) if identity(text) in classes else ""
    return classes[number] if 0 <= number < len(classes) else ""


def _number(text: str) -> int | None:
    """Returns the whole number that a short text is, such as "3" or "3.0"."""
    match = re.fullmatch(r"(-?\d{1,6})(?:\.0*)?", text)
    return int(match[1]) if match else None


def _label(row: Cells, classes: Sequence[str]) -> str:
    if "emotion" not in row:
        raise UnreadableError("no label", "the file has no emotion column")
    if label := label_of(row["emotion"], classes):
        return label
    detail = f"{row['emotion'][:40]!r}, expected 0 to {len(classes) - 1}"
    raise UnreadableError("label out of range", detail)


_BY_KEY = {usage.lower(): split for usage, split in USAGES.items()}


def split_of(usage: str) -> str:
    """Returns the split of a Usage, such as "PublicTest", "public test" or "val"; "" if none."""
    return _BY_KEY.get(re.sub(r"[\s_-]", "", usage).lower(), "") or part_of(usage)


def _split(usage: str) -> str:
    if split := split_of(usage):
        return split
    detail = f"{usage[:40]!r}, expected {', '.join(USAGES)}"
    raise UnreadableError("unknown Usage", detail)


def _image(text: str) -> np.ndarray:
    words = text.strip("[]() ").replace(",", " ").split()
    try:
        values = bytes(map(int, words))  # raises for anything but integers in 0..255
    except ValueError as error:
        values = _whole(words, str(error))
    if len(values) != SIDE * SIDE:
        raise UnreadableError("wrong number of pixels", f"{len(values)}, expected {SIDE * SIDE}")
    return np.frombuffer(values, np.uint8).reshape(SIDE, SIDE)


def _whole(words: list[str], why: str) -> bytes:
    """Reads numbers like 70.0, which some programs write. Raises `UnreadableError`."""
    try:
        numbers = [float(word) for word in words]
        if all(map(float.is_integer, numbers)):
            return bytes(map(int, numbers))
    except (ValueError, OverflowError):
        pass
    raise UnreadableError("pixels not integers in 0..255", why[:80])
