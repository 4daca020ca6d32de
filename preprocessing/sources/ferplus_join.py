"""Checks that FER2013's rows and the votes of FER+ match, as only their order joins them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from preprocessing.raw_files.errors import UnreadableError
from preprocessing.raw_files.files import Files
from preprocessing.sources import fer2013_csv
from preprocessing.sources.fer2013_csv import USAGES
from preprocessing.sources.ferplus_votes import Votes
from preprocessing.sources.vocabulary import BASIC

LEAST_AGREEMENT = 0.5
"""Fraction of FER2013's labels that FER+ must confirm; in a wrong order about a fifth agree."""


@dataclass(frozen=True)
class Rows:
    """FER2013's rows without their pixels.

    Attributes:
        usages: part of the dataset of each row.
        labels: FER2013's own label of each row, as in the file.
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
    source, columns = files.source(name), fer2013_csv.header(files, name)
    usage, emotion = columns.index("usage"), columns.index("emotion")
    usages, labels, junk = [], [], []
    try:
        for number, cells in fer2013_csv.rows(files, name):
            if (
                isinstance(cells, UnreadableError)
                or len(cells) != len(columns)
                or cells[usage].strip() not in USAGES
            ):
                junk.append(number)
            elif junk:
                raise ValueError(
                    f"{source}:{junk[0]} is not a row of FER2013, and rows follow: votes refer to "
                    "rows by their order, which is lost there. Remove the line if it was added, "
                    "or get the file again if it is damaged."
                )
            else:
                usages.append(cells[usage].strip())
                labels.append(cells[emotion].strip())
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
    own = np.array([_position(label) for label in rows.labels])
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


def _position(label: str) -> int:
    return int(label) if label in map(str, range(len(BASIC))) else -1
