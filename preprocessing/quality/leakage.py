"""The stored splits of a prepared folder: whether each keeps its promise."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from preprocessing import splits
from preprocessing.dataset.folder import Dataset
from preprocessing.dataset.index import INDEX, REPAIR_HINT, read_some
from preprocessing.dataset.manifest import SPLITS as FILE
from preprocessing.quality.report import CheckReport, counted
from preprocessing.sources import SPLITS
from preprocessing.splits import InapplicableError, Scheme
from preprocessing.splits.base import LEFT_OUT, stored_names
from preprocessing.splits.base import sides as stored_sides
from preprocessing.splits.groups import KINDS, UNKNOWN, shared


def check_splits(
    dataset: Dataset, copies: list[np.ndarray], report: CheckReport, changed: Collection[str] = ()
) -> None:
    """Checks every stored split.

    Args:
        dataset: the dataset that is split.
        copies: groups of rows whose images are byte-identical.
        report: receives the problems, and the size of every split.
        changed: names of files that have changed since they were prepared.
    """
    if not (dataset.path / FILE).is_file():
        return  # this is an error already
    try:
        stored = stored_names(dataset.path)
    except ValueError as error:
        report.error(str(error))
        return
    if not set(stored) & set(splits.names()):
        _check_absence(dataset, report, changed)
        return
    keys = {column: shared(dataset, column) for column in KINDS}
    report.facts["splits"] = {}
    for name in stored:
        if name not in splits.names():
            report.warn(f"{FILE} has the column {name!r}, which is not a known split.")
            continue
        try:
            split = _Stored(dataset, splits.get(name), stored_sides(dataset, name))
        except ValueError as error:
            report.error(str(error))
            continue
        report.facts["splits"][name] = split.sizes()
        _check_unchanged(split, report, changed)
        _check_groups(split, keys, report)
        for text in [*_shared_copies(split, copies), *_missing_classes(split)]:
            report.warn(text)
    for name in splits.names():
        if name not in stored and not splits.get(name).why_not(dataset):
            report.warn(f"{FILE} lacks the split {name}, which applies to this dataset.")


def divided(keys: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """The keys whose rows are on more than one side, sorted."""
    used = (keys != UNKNOWN) & (sides != LEFT_OUT)
    count = int(sides.max()) + 1
    pairs = np.unique(keys[used] * count + sides[used])
    found, times = np.unique(pairs // count, return_counts=True)
    return found[times > 1]


@dataclass(frozen=True, eq=False)
class _Stored:
    """A split as it is stored: the side of each row of the dataset, int64 (n,)."""

    dataset: Dataset
    scheme: Scheme
    sides: np.ndarray

    def sizes(self) -> dict[str, Any]:
        used = self.sides[self.sides != LEFT_OUT]
        numbers = np.bincount(used).tolist()
        if self.scheme.folds:
            return {"folds": len(numbers), "least": min(numbers), "most": max(numbers)}
        sizes = dict(zip(SPLITS, numbers, strict=True))
        return {**sizes, "left out": len(self.sides) - len(used)}

    def cells(self, column: str, rows: Sequence[int]) -> list[str]:
        return list(read_some(self.dataset.path / INDEX, column, rows).values())


def _check_absence(dataset: Dataset, report: CheckReport, changed: Collection[str]) -> None:
    """A dataset of a few images has no split, however often it is prepared."""
    applicable = [name for name in splits.names() if not splits.get(name).why_not(dataset)]
    if FILE in changed or applicable:
        report.error(f"{FILE} has none of the splits {', '.join(splits.names())}. {REPAIR_HINT}")
    else:
        report.warn(
            f"No split applies to this dataset of {counted(len(dataset), 'image')}: nothing can "
            "be trained and tested on it."
        )


def _check_unchanged(split: _Stored, report: CheckReport, changed: Collection[str]) -> None:
    """Compares a stored split with the one that would be made now."""
    name = split.scheme.name
    try:
        now = split.scheme.sides(split.dataset)
    except InapplicableError as error:
        report.warn(f"{FILE} has the split {name}, which cannot be made now: {error}")
        return
    differing = int((now != split.sides).sum())
    if not differing:
        return
    if name == "official":
        report.error(
            f"{FILE} and the split column of {INDEX} differ on the official part of "
            f"{differing:,} images. {REPAIR_HINT}"
        )
    elif FILE not in changed:  # for a file that someone edited, this would not be the reason
        report.warn(
            f"{name} would now differ for {differing:,} images, as happens with "
            "another version of a library. The stored split is used."
        )


def _check_groups(split: _Stored, keys: Mapping[str, np.ndarray], report: CheckReport) -> None:
    """Reports subjects, sequences and photographs on more than one side."""
    for column, kind in KINDS.items():
        found = divided(keys[column], split.sides)
        if not len(found):
            continue
        (first,) = split.cells(column, [int(np.argmax(keys[column] == found[0]))])
        name, number = split.scheme.name, counted(len(found), kind)
        text = f"{name} has {number} on more than one side, e.g. {first}"
        if split.scheme.grouped:
            report.error(f"{text}, although it promises none. {REPAIR_HINT}")
        else:
            report.warn(f"{text}.")


def _shared_copies(split: _Stored, copies: list[np.ndarray]) -> Iterator[str]:
    used = (rows[split.sides[rows] != LEFT_OUT] for rows in copies)
    # One row of each side that a group of copies is on.
    apart = [rows[np.unique(split.sides[rows], return_index=True)[1]] for rows in used]
    found = [np.sort(rows) for rows in apart if len(rows) > 1]
    if found:
        first = split.cells("source", found[0][:2].tolist())
        yield (
            f"{split.scheme.name} has {counted(len(found), 'group')} of byte-identical images on "
            f"more than one side, e.g. {' and '.join(first)}; --drop-duplicates leaves copies out."
        )


def _missing_classes(split: _Stored) -> Iterator[str]:
    if split.scheme.folds:  # folds of single subjects usually lack classes
        return
    dataset = split.dataset
    for side, part in enumerate(SPLITS):
        there = np.unique(dataset.labels[split.sides == side])
        absent = np.setdiff1d(dataset.labels, there)
        if len(absent):
            names = ", ".join(dataset.classes[label] for label in absent)
            yield f"The {part} part of {split.scheme.name} has no image of {names}."
