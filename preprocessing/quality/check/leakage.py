"""The stored splits of a prepared folder: whether each keeps its promise."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from preprocessing import splits
from preprocessing.dataset.folder import SPLITS as FILE
from preprocessing.dataset.folder import Dataset
from preprocessing.dataset.index import INDEX, MEND, read_some
from preprocessing.quality.check.report import Report, counted
from preprocessing.sources import SPLITS
from preprocessing.splits import InapplicableError, Scheme
from preprocessing.splits.base import LEFT_OUT
from preprocessing.splits.groups import KINDS, UNKNOWN, shared
from preprocessing.splits.stored import sides as stored_sides
from preprocessing.splits.stored import stored_names


def check_splits(
    dataset: Dataset, copies: list[np.ndarray], report: Report, changed: Collection[str] = ()
) -> None:
    """Look at every stored split.

    Args:
        dataset: whose splits.
        copies: groups of rows whose images are byte-identical.
        report: is told what is wrong, and the size of every split.
        changed: names of files that are not as they were prepared.
    """
    try:
        there = stored_names(dataset.path)
    except ValueError as error:
        report.error(str(error))
        return
    if not set(there) & set(splits.names()):
        _look_for_reason(dataset, report, changed)
        return
    keys = {column: shared(dataset, column) for column in KINDS}
    report.facts["splits"] = {}
    for name in there:
        if name not in splits.names():
            report.warn(f"{FILE} has the column {name!r}, which is no split that is known here")
            continue
        try:
            sides = stored_sides(dataset, name)
        except ValueError as error:
            report.error(str(error))
            continue
        scheme = splits.get(name)
        report.facts["splits"][name] = _sizes(scheme, sides)
        _compare(dataset, scheme, sides, report, changed)
        _look_for_divided(dataset, scheme, sides, keys, report)
        _look_for_copies(dataset, scheme, sides, copies, report)
        _look_for_missing_classes(dataset, scheme, sides, report)
    _look_for_absent(dataset, there, report)


def divided(keys: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """The keys whose rows are on more than one side, sorted."""
    used = (keys != UNKNOWN) & (sides != LEFT_OUT)
    count = int(sides.max()) + 1
    pairs = np.unique(keys[used] * count + sides[used])
    found, times = np.unique(pairs // count, return_counts=True)
    return found[times > 1]


def _sizes(scheme: Scheme, sides: np.ndarray) -> dict[str, Any]:
    used = sides[sides != LEFT_OUT]
    numbers = np.bincount(used).tolist()
    if scheme.folds:
        return {"folds": len(numbers), "least": min(numbers), "most": max(numbers)}
    return {**dict(zip(SPLITS, numbers, strict=True)), "left out": len(sides) - len(used)}


def _look_for_reason(dataset: Dataset, report: Report, changed: Collection[str]) -> None:
    """A dataset of a few images has no split, however often it is prepared."""
    if FILE in changed or any(_applies(dataset, name) for name in splits.names()):
        report.error(f"{FILE} has none of the splits {', '.join(splits.names())}; {MEND}")
    else:
        report.warn(
            f"no split applies to this dataset of {counted(len(dataset), 'image')}: nothing can "
            "be trained and tested on it"
        )


def _applies(dataset: Dataset, name: str) -> bool:
    try:
        splits.get(name).sides(dataset)
    except InapplicableError:
        return False
    return True


def _compare(
    dataset: Dataset, scheme: Scheme, sides: np.ndarray, report: Report, changed: Collection[str]
) -> None:
    try:
        now = scheme.sides(dataset)
    except InapplicableError as error:
        report.warn(f"{FILE} has the split {scheme.name}, which would not be made now: {error}")
        return
    differing = int((now != sides).sum())
    if not differing:
        return
    if scheme.name == "official":
        report.error(
            f"{FILE} and the split column of the index differ on the official part of "
            f"{differing:,} images"
        )
    elif FILE not in changed:  # of a file that someone edited this would be no explanation
        report.warn(
            f"{scheme.name} would be made otherwise now for {differing:,} images, as happens with "
            "another version of a library: the stored one holds"
        )


def _look_for_divided(
    dataset: Dataset,
    scheme: Scheme,
    sides: np.ndarray,
    keys: dict[str, np.ndarray],
    report: Report,
) -> None:
    for column, kind in KINDS.items():
        found = divided(keys[column], sides)
        if not len(found):
            continue
        row = int(np.argmax(keys[column] == found[0]))
        first = read_some(dataset.path / INDEX, column, [row])[row]
        text = f"{scheme.name} has {counted(len(found), kind)} on more than one side, e.g. {first}"
        if scheme.grouped:
            report.error(f"{text}: it promises none")
        else:
            report.warn(text)


def _look_for_copies(
    dataset: Dataset, scheme: Scheme, sides: np.ndarray, copies: list[np.ndarray], report: Report
) -> None:
    used = (rows[sides[rows] != LEFT_OUT] for rows in copies)
    # One row of each side that a group of copies is on.
    apart = [rows[np.unique(sides[rows], return_index=True)[1]] for rows in used]
    found = [np.sort(rows) for rows in apart if len(rows) > 1]
    if found:
        first = read_some(dataset.path / INDEX, "source", found[0][:2].tolist()).values()
        report.warn(
            f"{scheme.name} has {counted(len(found), 'group')} of byte-identical images on more "
            f"than one side, e.g. {' and '.join(first)}: --drop-duplicates leaves copies out"
        )


def _look_for_missing_classes(
    dataset: Dataset, scheme: Scheme, sides: np.ndarray, report: Report
) -> None:
    """Folds of single subjects lack classes as a matter of course."""
    if scheme.folds:
        return
    for side, name in enumerate(SPLITS):
        there = np.unique(dataset.labels[sides == side])
        absent = [
            dataset.classes[label] for label in np.unique(dataset.labels) if label not in there
        ]
        if absent:
            report.warn(f"the {name} part of {scheme.name} has no image of {', '.join(absent)}")


def _look_for_absent(dataset: Dataset, there: list[str], report: Report) -> None:
    for name in splits.names():
        if name not in there and _applies(dataset, name):
            report.warn(f"{FILE} lacks the split {name}, which applies to this dataset")
