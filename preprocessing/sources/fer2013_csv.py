"""FER2013 as tables: `emotion,pixels,Usage` in the variants in use, and CK+ in the same form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath

import numpy as np

from attention_fer.common.class_names import part_of
from preprocessing.raw_files.files import Files, Rejected, UnreadableError
from preprocessing.sources.base import SPLITS, Doubt, Notice, Sample
from preprocessing.sources.fer2013_columns import (
    CLASSES,
    SIDE,
    USAGES,
    columns,
    label_of,
    rows,
    whole_number,
)
from preprocessing.sources.tables import Cells, is_table

ROWS = 35_887
PARTS = {split: (split,) for split in USAGES.values()}

NO_LABELS = (
    "{} holds no labels, so the test parts are left out: "
    "use icml_face_data.csv or fer2013.csv to include them."
)
NO_PARTS = (
    "{} does not say which images are FER2013's Training, PublicTest and PrivateTest, so they "
    "have no official parts: results on other splits cannot be compared with published tables. "
    "Use a copy with a column Usage for the official split."
)


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


def find_csv(files: Files, names: list[str]) -> list[Distribution]:
    """Finds tables with FER2013's columns, whatever the files are called.

    Tables with the labels of other datasets, see `other_labels`, are no copies of FER2013.
    """
    by_kind: dict[tuple[str, frozenset], list[str]] = {}
    for name in filter(is_table, names):
        found = columns(files, name)
        if found and not other_labels(files, name):
            key = (str(PurePosixPath(name).parent), frozenset(found.names))
            by_kind.setdefault(key, []).append(name)
    copies: list[Distribution] = []
    for (folder, there), same in by_kind.items():
        if {"emotion", "usage"} <= there:
            copies += [_copy(files, {name: ""}, 3, int("icml" in name)) for name in same]
        elif "emotion" in there:
            unlabelled = by_kind.get((folder, frozenset({"pixels"})), [])
            copies += [_labelled(files, parts, unlabelled) for parts in _together(same)]
        elif (folder, frozenset({"emotion", "pixels"})) not in by_kind:
            copies += [_copy(files, {name: ""}, 0, 4) for name in same]
    return copies


def _together(names: list[str]) -> list[dict[str, str]]:
    """Returns tables without a column of parts that are read together, such as train and val.csv.

    If the names of the files are those of different parts, each table is a part; else each is a
    copy of its own, whose part its name may tell.
    """
    parts = {name: part_of(PurePosixPath(name).stem) for name in names}
    if len(names) > 1 and all(parts.values()) and len(set(parts.values())) == len(names):
        return [dict(sorted(parts.items(), key=lambda item: SPLITS.index(item[1])))]
    return [{name: part} for name, part in parts.items()]


def _labelled(files: Files, parts: Mapping[str, str], unlabelled: Sequence[str]) -> Distribution:
    """Returns a copy without a column of parts, read with the tables that have no labels.

    Next to these, a table is the Training part of the challenge, whatever its name.
    """
    known = {name: part or ("train" if unlabelled else "") for name, part in parts.items()}
    splits = {part for part in known.values() if part}
    # A single part is compared with all three, so that the missing ones are told.
    made_of = PARTS if len(splits) == 1 else parts_of(splits)
    return _copy(files, {**known, **dict.fromkeys(unlabelled, "")}, len(splits), 3, made_of)


def _copy(
    files: Files,
    parts: Mapping[str, str],
    splits: int,
    preference: int,
    made_of: Mapping[str, tuple[str, ...]] = PARTS,
) -> Distribution:
    """Returns a copy of some tables, by name, each with its part; "" if its column tells."""
    names = tuple(parts)
    title = files.source(" with ".join(names))
    read = partial(_read, files, parts)
    return Distribution(files, names, title, splits, preference, ROWS, read, made_of)


def parts_of(splits: Set[str]) -> Mapping[str, tuple[str, ...]]:
    """Returns which published parts those of a copy are made of, see `Distribution`."""
    if not splits:
        return {"": tuple(PARTS)}
    tests = sorted(splits - {"train"})
    return {"train": ("train",), tests[0]: ("validation", "test")} if len(tests) == 1 else PARTS


_SMALL = 64 * 2**20  # bytes; FER2013 has five times as many, and counting its rows takes seconds


def has_contempt(files: Files, name: str) -> bool:
    """Whether labels go from 0 to 7, as in ckextended.csv, which has FER2013's header.

    One row in a hundred must have 7: single rows with a wrong label make no other dataset.
    """
    found = _labels(files, name)
    return _is_class(found, 7) and _is_class(found, 0)


def other_labels(files: Files, name: str) -> str:
    """Says why the labels of a table with FER2013's columns are not FER2013's; "" if they may be.

    Labels from 1 to 7 would be read as the classes after those that they mean.
    """
    found = _labels(files, name)
    if not _is_class(found, 7):
        return ""
    source = files.source(name)
    if _is_class(found, 0):
        return (
            f"{source} has labels 0 to 7, as ckextended.csv: prepare it with the dataset "
            "ckextended."
        )
    return f"{source} has labels 1 to 7, but FER2013's are 0 to 6: renumber or name them."


def _is_class(found: Counter[int | None], label: int) -> bool:
    return found[label] > 1 and 100 * found[label] >= found.total()


def _labels(files: Files, name: str) -> Counter[int | None]:
    """Counts the labels of a table; none in one too large to be another dataset."""
    if files.size(name) > _SMALL:
        return Counter()
    try:
        return Counter(
            whole_number(cells.get("emotion", ""))
            for _, cells in rows(files, name)
            if not isinstance(cells, UnreadableError)
        )
    except UnreadableError:
        return Counter()


def _read(files: Files, parts: Mapping[str, str], notice: Notice) -> Iterator[Sample | Rejected]:
    """Yields one item per row, skipping blank lines."""
    for name, part in parts.items():
        found = columns(files, name)
        there = found.names if found else []
        if found and "emotion" not in there:
            notice(NO_LABELS.format(files.source(name)))
        elif not part and "usage" not in there:
            notice(Doubt(NO_PARTS.format(files.source(name))))
        if found and not found.headed:
            shown = ", ".join(dict.fromkeys(there))
            notice(f"{files.source(name)} has no header: its columns are taken as {shown}.")
        yield from items(files, name, part=part)


def items(
    files: Files, name: str, classes: Sequence[str] = CLASSES, part: str = ""
) -> Iterator[Sample | Rejected]:
    """Yields one item per row, and a final one if the rest of the file cannot be read.

    Args:
        files, name: the file.
        classes: the class of each number.
        part: part of all rows, if no column gives it.
    """
    where = files.source(name)
    try:
        for number, cells in rows(files, name):
            yield _item(f"{where}:{number}", cells, classes, part)
    except UnreadableError as error:
        yield Rejected(where, error.reason, str(error))


def _item(
    source: str, row: Cells | UnreadableError, classes: Sequence[str], part: str
) -> Sample | Rejected:
    try:
        if isinstance(row, UnreadableError):
            raise row
        label = _label(row, classes)
        split = _split(row["usage"]) if "usage" in row else part
        return Sample(partial(_image, row["pixels"]), label, "", split, source)
    except UnreadableError as error:
        return Rejected(source, error.reason, str(error))


def _label(row: Cells, classes: Sequence[str]) -> str:
    if "emotion" not in row:
        raise UnreadableError("no label", "the file has no emotion column")
    if label := label_of(row["emotion"], classes):
        return label
    detail = f"{row['emotion'][:40]!r}, expected 0 to {len(classes) - 1}"
    raise UnreadableError("label out of range", detail)


def _split(usage: str) -> str:
    if split := part_of(usage):
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
