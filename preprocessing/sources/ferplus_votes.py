"""The votes of FER+, of ten people on each image of FER2013, and labels made from them.

Barsoum et al., "Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label
Distribution", 2016, https://arxiv.org/abs/1608.01041
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from preprocessing.raw_files.errors import UnreadableError
from preprocessing.raw_files.files import Files
from preprocessing.sources.fer2013_csv import USAGES, header, rows
from preprocessing.sources.vocabulary import WITH_CONTEMPT

CLASSES = WITH_CONTEMPT
CHOICES = (*CLASSES, "unknown", "nf")
"""The choices of the voters, in our order; "nf" is "not a face"."""

_IN_FILE = {
    "angry": "anger",
    "happy": "happiness",
    "sad": "sadness",
    "surprise": "surprise",
}


@dataclass(frozen=True, eq=False)
class Votes:
    """The content of a file of votes.

    Attributes:
        usages: official part of each row, as in FER2013: "Training" etc.
        counts: int (rows, 10), votes for each of `CHOICES`.
    """

    usages: list[str]
    counts: np.ndarray


def is_votes(files: Files, name: str) -> bool:
    """Whether a file is a CSV with the columns of FER+, whatever its name."""
    return name.lower().endswith(".csv") and set(_columns()) <= set(header(files, name))


def read_votes(files: Files, name: str) -> Votes:
    """Reads all rows of a file of votes.

    Raises:
        ValueError: the file is unreadable or has an invalid line. Rows refer to images by their
            order, so none can be skipped.
    """
    source = files.source(name)
    columns = header(files, name)
    missing = [column for column in _columns() if column not in columns]
    if missing:
        raise ValueError(
            f"{source} must have the columns {', '.join(_columns())}, like fer2013new.csv of FER+. "
            f"Missing: {', '.join(missing)}."
        )
    places = [columns.index(column) for column in _columns()]
    usages, counts = [], []
    try:
        for number, cells in rows(files, name):
            if isinstance(cells, UnreadableError):
                cells = [f"a {cells.reason}"]
            usage, *votes = _row(f"{source}:{number}", cells, len(columns), places)
            usages.append(usage)
            counts.append([int(vote) for vote in votes])
    except UnreadableError as error:
        raise ValueError(f"{source} cannot be read: {error}.") from error
    return Votes(usages, np.array(counts, np.int64).reshape(-1, len(CHOICES)))


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


def _columns() -> list[str]:
    """Returns the file's column names in lower case: the part, then `CHOICES`."""
    return ["usage", *(_IN_FILE.get(choice, choice) for choice in CHOICES)]


def _row(source: str, cells: list[str], width: int, places: list[int]) -> list[str]:
    found = [cells[place].strip() for place in places] if len(cells) == width else []
    if not found or found[0] not in USAGES or not all(map(_is_count, found[1:])):
        raise ValueError(
            f"{source} must be one of {', '.join(USAGES)} and {len(CHOICES)} numbers of votes, "
            f"got {', '.join(cells)[:60]!r}. Get the file again: votes refer to images by their "
            "order."
        )
    return found


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 5
