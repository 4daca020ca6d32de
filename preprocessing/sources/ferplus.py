"""FER+: the images of FER2013, relabelled by ten people each, with their votes.

Barsoum et al., "Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label
Distribution", 2016, https://arxiv.org/abs/1608.01041; the votes are fer2013new.csv of
https://github.com/microsoft/FERPlus
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, count
from pathlib import Path

import numpy as np

from attention_fer.common.checks import one_of
from preprocessing.raw_files.containers import container, containers, listing
from preprocessing.raw_files.directory import DirectoryFiles
from preprocessing.raw_files.files import Files, Rejected, UnreadableError, joined, state_of
from preprocessing.sources.base import Notice, Raw, Sample, first_of, register
from preprocessing.sources.fer2013_columns import USAGES
from preprocessing.sources.fer2013_csv import find_csv, items
from preprocessing.sources.fer2013_folders import find_folders
from preprocessing.sources.ferplus_votes import (
    CHOICES,
    CLASSES,
    Rows,
    Votes,
    check_agreement,
    check_order,
    is_votes,
    majority,
    plurality,
    read_rows,
    read_votes,
)
from preprocessing.sources.tables import header, rows

COLUMNS = tuple(f"votes_{choice}" for choice in CHOICES)

_BY_MAJORITY = {
    "train": (2100, 119, 532, 7287, 3014, 3149, 8740, 119),
    "validation": (287, 24, 62, 865, 351, 415, 1182, 13),
    "test": (273, 18, 83, 893, 384, 396, 1090, 16),
}
_BY_PLURALITY = {
    "train": (2711, 236, 807, 7612, 3928, 3462, 9468, 165),
    "validation": (339, 40, 93, 902, 443, 458, 1254, 24),
    "test": (359, 28, 116, 933, 480, 430, 1173, 27),
}
COUNTS = {
    labels: {split: dict(zip(CLASSES, counts, strict=True)) for split, counts in table.items()}
    for labels, table in (("majority", _BY_MAJORITY), ("plurality", _BY_PLURALITY))
}
"""Number of images per rule for labels, counted in the published votes."""

EXPECTED = "the directory or .zip that holds fer2013.csv (or icml_face_data.csv) and fer2013new.csv"

_NOT_FOLDERS = (
    "Found FER2013 as folders of image files, but the votes of FER+ refer to images by the order "
    "of the rows in fer2013.csv, which those file names do not preserve. Give fer2013.csv or "
    "icml_face_data.csv, or with --join a table (ferplus_name,fer2013_file) that says which file "
    "each image of FER+ is."
)
_NO_EXPRESSION = {
    CHOICES.index("unknown"): ("unknown expression", "most could not tell"),
    CHOICES.index("nf"): ("not a face", "most saw none"),
}
_RULES = {
    "majority": (majority, ("no majority", "no choice with more than half of the votes")),
    "plurality": (plurality, ("no expression with two votes", "single votes count as errors")),
}
"""How votes become a label, and the reason and detail of rows that get none."""


@register("ferplus", needs_path=EXPECTED, kind="faces")
def open_ferplus(
    path: str | Path,
    *,
    votes: str | Path | None = None,
    labels: str = "majority",
    join: str | Path | None = None,
    notice: Notice = warnings.warn,
) -> Raw:
    """Finds FER2013 as a CSV and joins the votes to its rows by their order, or as folders.

    The order is checked: both files must have equally many rows, of the same part of the dataset,
    and a majority must confirm at least half of FER2013's own labels. The files of folders are in
    another order; they need `join`, and are checked in the same way.

    Args:
        path: a directory, .zip or .csv with FER2013.
        votes: fer2013new.csv; None if it is next to FER2013's CSV or in the same archive.
        labels: "majority" uses the choice of more than half of the people and rejects rows without
            one. "plurality" uses the most frequent choice, the first in canonical order among
            equals, so that training with soft labels loses hardly any row. Both ignore choices
            with a single vote.
        join: a table with the columns ferplus_name, an image name in the file of votes, and
            fer2013_file, a path like train/angry/Training_1.jpg; for FER2013 as folders.
        notice: receives one sentence each on what was chosen and on the agreement of the labels.

    Returns:
        Samples of (48, 48) images in the order of the rows, with the ten vote counts as columns.
        Rows are rejected if most people could not tell the expression or saw no face.

    Raises:
        FileNotFoundError: nothing at `path` or at `votes`.
        ValueError: no FER2013 as a CSV, or as folders with `join`; no votes, the two do not match,
            or unknown `labels`.
    """
    one_of("labels", labels, _RULES)
    places = containers(path, EXPECTED)
    if join is not None:
        return _open_folders(path, places, votes, labels, join, notice)
    files, name = _images(path, places, notice)
    voted, ballot = _votes(path, places, votes, notice)
    found = read_votes(voted, ballot)
    own = read_rows(files, name)
    check_order(own, found, files.source(name))
    notice(f"{check_agreement(own, majority(found.counts))}.")
    joint = _items(files, name, found, labels)
    problems = [problem for place in places for problem in place.problems()]
    return Raw(
        CLASSES,
        chain(joint, problems),
        COUNTS[labels],
        len(own.usages) + own.junk + len(problems),
        COLUMNS,
        f"{files.source(name)} with the votes of FER+",
        joined((files.identity([name]), voted.identity([ballot]))),
    )


def _images(path: str | Path, places: list[Files], notice: Notice) -> tuple[Files, str]:
    """Finds the CSV of FER2013 that has all three parts."""
    copies = [copy for files in places for copy in find_csv(files, files.names())]
    found = [copy for copy in copies if copy.splits == len(USAGES)]
    if not found:
        folders = any(find_folders(files, files.names()) for files in places)
        why = _NOT_FOLDERS if folders else f"Expected {EXPECTED}; found {listing(places)}."
        raise ValueError(f"No FER2013 with its rows in order at {path}. {why}")
    found.sort(key=lambda copy: copy.preference)
    chosen = first_of("copies of FER2013", found, lambda copy: copy.title, notice)
    return chosen.files, chosen.names[0]


def _votes(
    path: str | Path, places: list[Files], votes: str | Path | None, notice: Notice
) -> tuple[Files, str]:
    """Finds the file of votes."""
    if votes is not None:
        places = [container(votes, "fer2013new.csv of FER+")]
        if len(names := places[0].names()) == 1:  # the file itself, packed or not
            return places[0], names[0]
    elif Path(path).is_file():
        beside = sorted(item.name for item in Path(path).parent.iterdir() if item.is_file())
        places = [*places, DirectoryFiles(Path(path).parent, beside)]
    found = [(files, name) for files in places for name in files.names() if is_votes(files, name)]
    if not found:
        raise ValueError(
            f"No votes of FER+ at {path if votes is None else votes}: put fer2013new.csv of "
            "https://github.com/microsoft/FERPlus next to FER2013, or pass it as `votes`; "
            f"found {listing(places)}."
        )
    return first_of("files of votes", found, lambda one: one[0].source(one[1]), notice)


def _items(files: Files, name: str, votes: Votes, labels: str) -> Iterator[Sample | Rejected]:
    return _relabelled(zip(items(files, name), count()), votes, labels)


def _relabelled(
    rows: Iterable[tuple[Sample | Rejected, int]], votes: Votes, labels: str
) -> Iterator[Sample | Rejected]:
    """Gives each sample the label and the votes of the row of votes paired with it."""
    choose, none = _RULES[labels]
    chosen, lost = choose(votes.counts).tolist(), {-1: none, **_NO_EXPRESSION}
    for item, position in rows:
        if isinstance(item, Rejected):
            yield item
        elif chosen[position] in lost:
            yield Rejected(item.source, *lost[chosen[position]])
        else:
            more = dict(zip(COLUMNS, votes.counts[position].tolist(), strict=True))
            yield replace(item, label=CLASSES[chosen[position]], more=more)


def _open_folders(
    path: str | Path,
    places: list[Files],
    votes: str | Path | None,
    labels: str,
    join: str | Path,
    notice: Notice,
) -> Raw:
    """Joins the votes to the files of the folder distribution."""
    copies = [copy for files in places for copy in find_folders(files, files.names())]
    if not copies:
        raise ValueError(
            f"No FER2013 as folders at {path}, which join refers to; found {listing(places)}."
        )
    chosen = first_of("copies of FER2013", copies, lambda copy: copy.title, notice)
    voted, ballot = _votes(path, places, votes, notice)
    found = read_votes(voted, ballot)
    by_file = read_join(join, found)
    pairs = [(item, by_file.get(_tail(item.source), -1)) for item in chosen.read(notice)]
    if all(row < 0 for _, row in pairs):
        named = next(iter(by_file), "nothing")
        raise ValueError(f"No file at {path} is named in {join}, which names, e.g., {named}.")
    joint = [(item, row) for item, row in pairs if row >= 0 and isinstance(item, Sample)]
    own = Rows([], [item.label for item, _ in joint], 0)
    order = np.array([row for _, row in joint], int)
    notice(f"{check_agreement(own, majority(found.counts)[order])}.")
    without = [
        item if isinstance(item, Rejected) else Rejected(item.source, "not in the table of join")
        for item, row in pairs
        if row < 0 or isinstance(item, Rejected)
    ]
    notice(f"{len(joint):,} of {len(pairs):,} files have votes.")
    problems = [problem for place in places for problem in place.problems()]
    return Raw(
        CLASSES,
        chain(_relabelled(joint, found, labels), without, problems),
        None,
        len(pairs) + len(problems),
        COLUMNS,
        f"{chosen.title} with the votes of FER+ by {Path(join).name}",
        joined(
            (
                chosen.files.identity(chosen.names),
                voted.identity([ballot]),
                state_of([("join", join)]),
            )
        ),
    )


def _tail(path: str) -> str:
    """Returns part, class and name of a file: what a table of join says."""
    return "/".join(path.split("/")[-3:]).lower()


def read_join(join: str | Path, votes: Votes) -> dict[str, int]:
    """Reads which file has which row of votes.

    Args:
        join: a table with the columns ferplus_name and fer2013_file.
        votes: the votes, with their image names.

    Returns:
        `_tail` of each file -> its row.

    Raises:
        FileNotFoundError: no file at `join`.
        ValueError: other columns, an unreadable or ambiguous row, or unknown image names.
    """
    place = Path(join)
    if not place.is_file():
        raise FileNotFoundError(
            f"There is no file {join}; --join needs the table that joins the votes to the files."
        )
    files = DirectoryFiles(place.parent, [place.name])
    columns = header(files, place.name)
    if not {"ferplus_name", "fer2013_file"} <= set(columns):
        raise ValueError(
            f"{join} must have the columns ferplus_name and fer2013_file, got {', '.join(columns)}."
        )
    by_name = {name: row for row, name in enumerate(votes.names) if name}
    found: dict[str, int] = {}
    for line, cells in rows(files, place.name):
        if isinstance(cells, UnreadableError):
            raise ValueError(f"{join}:{line} cannot be read: {cells}.")
        name, file = cells["ferplus_name"], _tail(cells["fer2013_file"])
        if name not in by_name or found.setdefault(file, by_name[name]) != by_name[name]:
            raise ValueError(
                f"{join}:{line} must join one image of the votes to one file, got {name} and "
                f"{file}."
            )
    return found
