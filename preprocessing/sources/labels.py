"""A table of labels for a folder of photographs: `--labels FILE`.

The table is a text file in any common encoding, with any common separator or blanks. It has a row
per photograph: its file, its class and, if known, its person and its part of the dataset.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path, PurePosixPath

from attention_fer.common.class_names import merged, ordered, part_of, what_was_merged
from preprocessing.raw_files.containers import container
from preprocessing.raw_files.directory import DirectoryFiles
from preprocessing.raw_files.files import (
    Files,
    Rejected,
    UnreadableError,
    as_text,
    is_unicode,
    joined,
)
from preprocessing.raw_files.images import is_photograph, load_photograph
from preprocessing.sources.base import SPLITS, Doubt, Notice, Raw, Sample, Subjects
from preprocessing.sources.label_table import NUMBERS, Finder, LabelTable, open_table
from preprocessing.sources.tables import Cells


@dataclass(frozen=True)
class _Row:
    """What the table says about one photograph."""

    source: str
    name: str
    label: str
    subject: str
    split: str
    more: dict[str, float]


def open_labelled(
    path: str | Path,
    labels: str | Path,
    columns: Sequence[str],
    subject_pattern: str | None,
    notice: Notice,
) -> Raw:
    """Finds the photographs of a table.

    Columns are recognised by their names, see `label_table.ROLES`, or by what they hold: that of
    the images names files of the folder, and that of the labels is the only other one.

    Args:
        path: a directory or archive of photographs.
        labels: the table.
        columns: texts like "label=emotion" for columns with other names; "label=2" is the second.
        subject_pattern: see `folder.open_folder`; used if the table has no subjects.
        notice: receives a sentence on the columns, on joined classes, and on single classes.

    Returns:
        Samples by split, class and path. Rows without a photograph, and photographs without a row,
        are rejected. Valence and arousal become columns.

    Raises:
        FileNotFoundError: no file at `path` or `labels`.
        ValueError: unknown columns, columns that cannot be guessed, or no row has a photograph.
    """
    files = container(path, "a directory or archive of photographs")
    images = [name for name in files.names() if is_photograph(name)]
    place = Path(labels)
    if not place.is_file():
        raise FileNotFoundError(f"No table of labels at {labels}.")
    finder = Finder(images)
    table = open_table(DirectoryFiles(place.parent, [place.name]), place.name, columns, finder)
    shown = ", ".join(f"{role} from {name!r}" for role, name in table.roles.items())
    notice(f"{table.source} gives {shown}.")
    if not is_unicode(table.files, table.name):
        notice(f"{table.source} is not in UTF-8: it is read as Windows-1252.")
    found = list(_read(table))
    rows = [row for row in found if isinstance(row, _Row)]
    called = merged(row.label for row in rows)
    for text in what_was_merged(called):
        notice(text)
    classes = _ordered(set(called.values()))
    samples: dict[str, Sample] = {}
    lost = [item for item in found if isinstance(item, Rejected)]
    subjects = Subjects(subject_pattern, images)
    more = tuple(name for name in NUMBERS if name in table.roles)
    for row in rows:
        item = _item(files, finder, row, called[row.label], subjects, samples)
        if isinstance(item, Sample):
            samples[item.source] = item
        else:
            lost.append(item)
    if not samples:
        raise ValueError(
            f"No row of {table.source} names a photograph at {path}: e.g. "
            f"{rows[0].name if rows else 'no row'}, found {', '.join(images[:3]) or 'none'}."
        )
    if len(classes) < 2:
        notice(Doubt(f"Only one class, {classes[0]}: nothing can be learned from it."))
    lost += _unlabelled(files, {*samples, *(item.source for item in lost)})
    lost += files.problems()
    place_of = {"": 0, **{split: number for number, split in enumerate(SPLITS)}}
    rank = {label: number for number, label in enumerate(classes)}
    items = sorted(samples.values(), key=lambda s: (place_of[s.split], rank[s.label], s.source))
    return Raw(
        classes,
        chain(items, lost),
        None,
        len(items) + len(lost),
        more,
        f"photographs with the labels of {table.source}",
        joined((files.identity(), table.files.identity([table.name]))),
    )


def _ordered(names: set[str]) -> tuple[str, ...]:
    """Sorts classes that are numbers by number, others like those of folders."""
    if all(re.fullmatch(r"-?\d{1,9}", name) for name in names):
        return tuple(sorted(names, key=int))
    return ordered(names)


def _read(table: LabelTable) -> Iterator[_Row | Rejected]:
    roles = table.roles
    try:
        for number, cells in table.rows():
            source = f"{table.source}:{number}"
            try:
                if isinstance(cells, UnreadableError):
                    raise cells
                yield _row(source, {role: cells[name] for role, name in roles.items()})
            except UnreadableError as error:
                yield Rejected(source, error.reason, str(error))
    except UnreadableError as error:
        yield Rejected(table.source, error.reason, str(error))


def _row(source: str, cells: Cells) -> _Row:
    """Reads one row. Raises `UnreadableError`."""
    label = cells["label"]
    if re.fullmatch(r"-?\d{1,9}\.0*", label):
        label = label.partition(".")[0]
    if not label:
        raise UnreadableError("no label", "an empty cell")
    split = part_of(cells.get("split", ""))
    if not split and cells.get("split"):
        detail = f"{cells['split'][:40]!r}, expected train, validation or test"
        raise UnreadableError("unknown part", detail)
    more = {name: number(cells[name], name) for name in NUMBERS if name in cells}
    return _Row(source, cells["image"], as_text(label), cells.get("subject", ""), split, more)


def number(text: str, what: str) -> float:
    """Reads a finite number. Raises `UnreadableError`."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if value - value != 0:  # nan or infinite
        raise UnreadableError(f"{what} is not a number", repr(text[:40]))
    return value


def _item(
    files: Files,
    finder: Finder,
    row: _Row,
    label: str,
    subjects: Subjects,
    taken: Mapping[str, Sample],
) -> Sample | Rejected:
    name = finder.find(row.name)
    if name is None:
        return Rejected(row.source, "no photograph of this name, or several", row.name, label)
    source = files.source(name)
    if source in taken:
        same = taken[source].label == label
        detail = f"{source} is already {taken[source].label}"
        reason = "second row of one photograph" if same else "labels of a photograph differ"
        return Rejected(row.source, reason, detail, label)
    subject = row.subject or subjects.of(name)
    if subject is None:
        detail = f"expected {subjects.pattern} in {as_text(name)}"
        return Rejected(source, "subject pattern does not match", detail, label)
    return Sample(
        partial(load_photograph, files, name), label, subject, row.split, source, row.more
    )


def _unlabelled(files: Files, known: set[str]) -> Iterator[Rejected]:
    """Rejects the files that the table does not name."""
    for name in files.names():
        if files.source(name) not in known:
            photograph = is_photograph(name)
            reason = "not in the table of labels" if photograph else "not an image file"
            yield Rejected(files.source(name), reason, as_text(PurePosixPath(name).suffix))
