"""Whether FER2013's rows and the votes of FER+ belong together, which order alone says."""

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
"""Share of FER2013's labels that FER+ must confirm; in a wrong order about a fifth agree."""


@dataclass(frozen=True)
class Rows:
    """What FER2013's rows say before any is decoded.

    Attributes:
        usages: part of the dataset.
        labels: its own labels as they stand in the file.
        junk: number of lines after the last row.
    """

    usages: list[str]
    labels: list[str]
    junk: int


def read_rows(files: Files, name: str) -> Rows:
    """Read all rows but their pixels.

    Raises:
        ValueError: the file cannot be read to its end, or rows follow a line that is none.
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
                    f"{source}:{junk[0]} is no row of FER2013, and rows follow: votes belong to "
                    "rows by their order, which is lost there. Remove the line if it was put in, "
                    "get the file again if it is damaged"
                )
            else:
                usages.append(cells[usage].strip())
                labels.append(cells[emotion].strip())
    except UnreadableError as error:
        raise ValueError(f"{source} cannot be read to its end: {error}") from error
    return Rows(usages, labels, len(junk))


def check_order(rows: Rows, votes: Votes, source: str) -> None:
    """Raise ValueError unless the votes are for as many rows, of the same parts of the dataset."""
    if len(rows.usages) != len(votes.usages):
        after = f" and {rows.junk} lines after them that are none" if rows.junk else ""
        raise ValueError(
            f"{source} has {len(rows.usages):,} rows{after}, the votes have {len(votes.usages):,}: "
            "they belong together by their order, so that both must be complete"
        )
    for number, (ours, theirs) in enumerate(zip(rows.usages, votes.usages, strict=True), start=1):
        if ours != theirs:
            raise ValueError(
                f"row {number:,} of {source} is of {ours}, that of the votes of {theirs}: they "
                "belong together by their order, so that both must be as published"
            )


def check_agreement(rows: Rows, chosen: np.ndarray) -> str:
    """Compare both labels where the majority sees an expression that FER2013 has.

    Args:
        chosen: int (rows,), see `majority`.

    Returns:
        How many agree, in words.

    Raises:
        ValueError: too few for the two files to be in the same order.
    """
    own = np.array([_position(label) for label in rows.labels])
    both = (own >= 0) & (chosen >= 0) & (chosen < len(BASIC))
    same, total = int((own == chosen)[both].sum()), int(both.sum())
    share = same / total if total else 0.0
    words = f"{same:,} of {total:,} labels of FER2013 are confirmed by the votes ({share:.1%})"
    if share < LEAST_AGREEMENT:
        raise ValueError(
            f"{words}, expected at least {LEAST_AGREEMENT:.0%}: the rows of the two files seem to "
            "be in different orders. Give both as published"
        )
    return words


def _position(label: str) -> int:
    return int(label) if label in map(str, range(len(BASIC))) else -1
