"""The votes of FER+, of ten people on each image of FER2013: labels from them, and their order.

Barsoum et al., "Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label
Distribution", 2016, https://arxiv.org/abs/1608.01041
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from attention_fer.common.class_names import BASIC, WITH_CONTEMPT, part_of
from preprocessing.raw_files.files import Files, UnreadableError
from preprocessing.sources import fer2013_columns, tables
from preprocessing.sources.fer2013_columns import USAGES, label_of
from preprocessing.sources.tables import Cells, header, is_table

CLASSES = WITH_CONTEMPT
CHOICES = (*CLASSES, "unknown", "nf")
"""The choices of the voters, in our order; "nf" is "not a face"."""

_IN_FILE = {"angry": "anger", "happy": "happiness", "sad": "sadness", "surprise": "surprise"}
_COLUMNS = ("usage", *(_IN_FILE.get(choice, choice) for choice in CHOICES))
"""The file's column names in lower case: the part, then `CHOICES`."""


@dataclass(frozen=True, eq=False)
class Votes:
    """The content of a file of votes.

    Attributes:
        usages: official part of each row, as in FER2013: "Training" etc.
        counts: int (rows, 10), votes for each of `CHOICES`.
        names: name of the image of each row; "" if it has none.
    """

    usages: list[str]
    counts: np.ndarray
    names: list[str]


def is_votes(files: Files, name: str) -> bool:
    """Whether a file is a CSV with the columns of FER+, whatever its name."""
    return is_table(name) and set(_COLUMNS) <= set(header(files, name))


def read_votes(files: Files, name: str) -> Votes:
    """Reads all rows of a file of votes.

    Raises:
        ValueError: the file is unreadable or has an invalid line. Rows refer to images by their
            order, so none can be skipped.
    """
    source = files.source(name)
    columns = header(files, name)
    if missing := [column for column in _COLUMNS if column not in columns]:
        raise ValueError(
            f"{source} must have the columns {', '.join(_COLUMNS)}, like fer2013new.csv of FER+. "
            f"Missing: {', '.join(missing)}."
        )
    usages, counts, names = [], [], []
    try:
        for number, cells in tables.rows(files, name):
            usage, *votes = _row(f"{source}:{number}", cells)
            usages.append(usage)
            counts.append([int(vote) for vote in votes])
            names.append("" if isinstance(cells, UnreadableError) else cells.get("image name", ""))
    except UnreadableError as error:
        raise ValueError(f"{source} cannot be read: {error}.") from error
    return Votes(usages, np.array(counts, np.int64).reshape(-1, len(CHOICES)), names)


def majority(counts: np.ndarray) -> np.ndarray:
    """Returns the choice of more than half of the people, as in the authors' `majority` mode.

    Choices with a single vote count as errors and are ignored.

    Args:
        counts: int (n, 10), votes for each of `CHOICES`.

    Returns:
        int (n,), the position in `CHOICES`; -1 if none has more than half of the remaining votes.
    """
    kept = _without_single_votes(counts)
    return np.where(2 * kept.max(axis=1) > kept.sum(axis=1), kept.argmax(axis=1), -1)


def plurality(counts: np.ndarray) -> np.ndarray:
    """Returns the most frequent choice, the first in `CHOICES` among equals.

    Choices with a single vote count as errors and are ignored.

    Args:
        counts: int (n, 10), votes for each of `CHOICES`.

    Returns:
        int (n,), the position in `CHOICES`; -1 if none has two votes.
    """
    kept = _without_single_votes(counts)
    return np.where(kept.max(axis=1) > 0, kept.argmax(axis=1), -1)


def soft_labels(votes: np.ndarray) -> np.ndarray:
    """Converts votes to probabilities of the eight expressions.

    Choices with a single vote, "unknown" and "not a face" are ignored; the rest is normalised.

    Args:
        votes: int (n, 10) in the order of `CHOICES`, which is the order of the columns `votes_*` of
            a prepared dataset.

    Returns:
        float (n, 8) in the order of `CLASSES`. Rows sum to 1, or are all 0 if no expression has two
        votes, so that they add nothing to a cross-entropy.

    Raises:
        ValueError: another shape, or votes that are not counts.
    """
    votes = np.asarray(votes)
    if votes.ndim != 2 or votes.shape[1] != len(CHOICES):
        raise ValueError(f"votes must have shape (n, {len(CHOICES)}), got {votes.shape}.")
    if votes.size and (not np.issubdtype(votes.dtype, np.integer) or votes.min() < 0):
        raise ValueError(f"votes must be integers of at least 0, got {votes.dtype}.")
    kept = _without_single_votes(votes)[:, : len(CLASSES)].astype(float)
    return kept / np.maximum(kept.sum(axis=1, keepdims=True), 1)


def _without_single_votes(counts: np.ndarray) -> np.ndarray:
    return np.where(counts > 1, counts, 0)


def _row(source: str, cells: Cells | UnreadableError) -> list[str]:
    if isinstance(cells, UnreadableError):
        found = [f"a {cells.reason}"]
    else:
        found = [cells[column].strip() for column in _COLUMNS]
    if found[0] not in USAGES or not all(map(_is_count, found[1:])):
        raise ValueError(
            f"{source} must be one of {', '.join(USAGES)} and {len(CHOICES)} numbers of votes, "
            f"got {', '.join(found)[:60]!r}. Get the file again: votes refer to images by their "
            "order."
        )
    return found


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 5


_USAGE = {split: usage for usage, split in USAGES.items()}

LEAST_AGREEMENT = 0.5
"""Fraction of FER2013's labels that FER+ must confirm; in a wrong order about a fifth agree."""


@dataclass(frozen=True)
class Rows:
    """FER2013's rows without their pixels.

    Attributes:
        usages: part of the dataset of each row.
        labels: FER2013's own class of each row; "" for a label out of range.
        junk: number of invalid lines after the last row.
    """

    usages: list[str]
    labels: list[str]
    junk: int


def read_rows(files: Files, name: str) -> Rows:
    """Reads all rows except their pixels.

    Raises:
        ValueError: the file cannot be read to its end, or rows follow an invalid line.
    """
    source = files.source(name)
    usages, labels, junk = [], [], []
    try:
        for number, cells in fer2013_columns.rows(files, name):
            if isinstance(cells, UnreadableError) or not part_of(cells["usage"]):
                junk.append(number)
            elif junk:
                raise ValueError(
                    f"{source}:{junk[0]} is not a row of FER2013, and rows follow: votes refer to "
                    "rows by their order, which is lost there. Remove the line if it was added, "
                    "or get the file again if it is damaged."
                )
            else:
                usages.append(_USAGE[part_of(cells["usage"])])
                labels.append(label_of(cells["emotion"]))
    except UnreadableError as error:
        raise ValueError(f"{source} cannot be read to its end: {error}.") from error
    return Rows(usages, labels, len(junk))


def check_order(rows: Rows, votes: Votes, source: str) -> None:
    """Raises ValueError unless the votes have equally many rows, of the same parts."""
    if len(rows.usages) != len(votes.usages):
        after = f" and {rows.junk} invalid lines after them" if rows.junk else ""
        raise ValueError(
            f"{source} must have as many rows as the votes, {len(votes.usages):,}, got "
            f"{len(rows.usages):,} rows{after}. Both files must be complete, because only the "
            "order joins them."
        )
    for number, (ours, theirs) in enumerate(zip(rows.usages, votes.usages, strict=True), start=1):
        if ours != theirs:
            raise ValueError(
                f"Row {number:,} of {source} must be of {theirs}, as in the votes, got {ours}. "
                "Both files must be as published, because only the order joins them."
            )


def check_agreement(rows: Rows, chosen: np.ndarray) -> str:
    """Compares both labels where the majority sees an expression that FER2013 has.

    Args:
        rows: FER2013's rows.
        chosen: int (rows,), see `majority`.

    Returns:
        A sentence on how many agree.

    Raises:
        ValueError: too few agree for the two files to be in the same order.
    """
    position = {label: number for number, label in enumerate(BASIC)}
    own = np.array([position.get(label, -1) for label in rows.labels])
    both = (own >= 0) & (chosen >= 0) & (chosen < len(BASIC))
    same, total = int((own == chosen)[both].sum()), int(both.sum())
    share = same / total if total else 0.0
    words = f"{same:,} of {total:,} labels of FER2013 are confirmed by the votes ({share:.1%})"
    if share < LEAST_AGREEMENT:
        raise ValueError(
            f"{words}, expected at least {LEAST_AGREEMENT:.0%}. The rows of the two files seem to "
            "be in different orders: use both as published."
        )
    return words
