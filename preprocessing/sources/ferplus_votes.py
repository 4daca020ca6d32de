"""The votes of FER+: ten people on every image of FER2013, and what to make of them.

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
"""What could be voted for, in our order; "nf" is "not a face"."""

_IN_FILE = {
    "angry": "anger",
    "happy": "happiness",
    "sad": "sadness",
    "surprise": "surprise",
}


@dataclass(frozen=True, eq=False)
class Votes:
    """What one file of votes holds.

    Attributes:
        usages: official part of each row, as in FER2013: "Training" and so on.
        counts: int (rows, 10), votes for each of `CHOICES`.
    """

    usages: list[str]
    counts: np.ndarray


def is_votes(files: Files, name: str) -> bool:
    """Whether a CSV has the columns of FER+, whatever it is called."""
    return name.lower().endswith(".csv") and set(_columns()) <= set(header(files, name))


def read_votes(files: Files, name: str) -> Votes:
    """Read all rows of a file of votes.

    Raises:
        ValueError: unreadable, or a line that is no row; they belong to images by their order, so
            that none can be left out.
    """
    source = files.source(name)
    columns = header(files, name)
    missing = [column for column in _columns() if column not in columns]
    if missing:
        raise ValueError(
            f"{source} has no column {', '.join(missing)}: expected fer2013new.csv of FER+ with "
            f"{', '.join(_columns())}"
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
        raise ValueError(f"{source} cannot be read: {error}") from error
    return Votes(usages, np.array(counts, np.int64).reshape(-1, len(CHOICES)))


def majority(counts: np.ndarray) -> np.ndarray:
    """What more than half of the people see, as in the authors' ``majority`` mode.

    A choice with a single vote counts as an error and is left out first.

    Args:
        counts: int (n, 10), votes for each of `CHOICES`.

    Returns:
        int (n,), the position in `CHOICES`; -1 where nothing has more than half of the votes left.
    """
    kept = _without_single_votes(counts)
    return np.where(2 * kept.max(axis=1) > kept.sum(axis=1), kept.argmax(axis=1), -1)


def plurality(counts: np.ndarray) -> np.ndarray:
    """What most people see, be it less than half of them; of equals the first of `CHOICES`.

    A choice with a single vote counts as an error and is left out first.

    Args:
        counts: int (n, 10), votes for each of `CHOICES`.

    Returns:
        int (n,), the position in `CHOICES`; -1 where nothing has two votes.
    """
    kept = _without_single_votes(counts)
    return np.where(kept.max(axis=1) > 0, kept.argmax(axis=1), -1)


def soft_labels(votes: np.ndarray) -> np.ndarray:
    """Probabilities of the eight expressions, from the votes for them.

    Single votes are left out, as are "unknown" and "not a face"; the rest is divided by its sum.

    Args:
        votes: int (n, 10) in the order of `CHOICES`, which is that of the columns ``votes_*`` of a
            prepared dataset.

    Returns:
        float (n, 8) in the order of `CLASSES`. Rows sum to 1; where no expression has two votes
        the row is 0 throughout, so that it adds nothing to a cross-entropy.

    Raises:
        ValueError: another shape, or votes that are no counts.
    """
    votes = np.asarray(votes)
    if votes.ndim != 2 or votes.shape[1] != len(CHOICES):
        raise ValueError(f"got votes of shape {votes.shape}: expected (n, {len(CHOICES)})")
    if votes.size and (not np.issubdtype(votes.dtype, np.integer) or votes.min() < 0):
        raise ValueError(f"got votes of {votes.dtype}: expected whole numbers of at least 0")
    kept = _without_single_votes(votes)[:, : len(CLASSES)].astype(float)
    return kept / np.maximum(kept.sum(axis=1, keepdims=True), 1)


def _without_single_votes(counts: np.ndarray) -> np.ndarray:
    return np.where(counts > 1, counts, 0)


def _columns() -> list[str]:
    """Names of the file's columns in lower case: the part, then `CHOICES`."""
    return ["usage", *(_IN_FILE.get(choice, choice) for choice in CHOICES)]


def _row(source: str, cells: list[str], width: int, places: list[int]) -> list[str]:
    found = [cells[place].strip() for place in places] if len(cells) == width else []
    if not found or found[0] not in USAGES or not all(map(_is_count, found[1:])):
        raise ValueError(
            f"{source} is no row of FER+: expected {', '.join(USAGES)} and {len(CHOICES)} numbers "
            f"of votes, got {', '.join(cells)[:60]!r}. Votes belong to images by their order: "
            "get the file again"
        )
    return found


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 5
