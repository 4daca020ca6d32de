"""FER2013: 35,887 grey 48x48 photographs of seven expressions, in any of its distributions.

Source: Goodfellow et al., "Challenges in Representation Learning", 2013,
https://arxiv.org/abs/1307.0414
"""

from __future__ import annotations

import warnings
from itertools import chain
from pathlib import Path

from preprocessing.raw_files.containers import containers, listing
from preprocessing.raw_files.files import Files
from preprocessing.sources.base import Notice, Raw, first_of, register
from preprocessing.sources.fer2013_columns import CLASSES
from preprocessing.sources.fer2013_csv import Distribution, find_csv, other_labels
from preprocessing.sources.fer2013_folders import find_folders, with_contempt
from preprocessing.sources.tables import is_table

_PUBLISHED = {
    "train": (3995, 436, 4097, 7215, 4830, 3171, 4965),
    "validation": (467, 56, 496, 895, 653, 415, 607),
    "test": (491, 55, 528, 879, 594, 416, 626),
}
EXPECTED = {split: dict(zip(CLASSES, counts, strict=True)) for split, counts in _PUBLISHED.items()}

LOOKED_FOR = (
    "fer2013.csv (emotion,pixels,Usage), icml_face_data.csv (emotion, Usage, pixels), "
    "train.csv (emotion,pixels) with test.csv (pixels), a table with a column for each of the "
    "2,304 pixels, folders train/<emotion> and test/<emotion> of image files, or a .zip or .tar.gz "
    "of any of these"
)


@register(
    "fer2013",
    needs_path="fer2013.csv, icml_face_data.csv, archive.zip or the directory holding them",
    kind="faces",
)
def open_fer2013(path: str | Path, *, notice: Notice = warnings.warn) -> Raw:
    """Finds FER2013 in a table, an archive, or a directory with any of its distributions.

    If there are several, the one that covers the most splits is read. Among equals, a CSV with all
    three parts precedes the folders, and the folders precede train.csv. A table may have any usual
    separator and encoding, no header, labels as names, other names for columns and parts, and a
    column for each pixel. Folders may be named like expressions, numbered 0 to 6, or both, such as
    `3_happy`, with parts above them or without. If neither they nor the file names tell two parts
    apart, these become one part. Images of a copy without parts have none, which is a `Doubt`.

    Args:
        path: the table, the archive, or a directory.
        notice: receives one sentence on what was chosen or is missing.

    Returns:
        Samples of (48, 48) images without subject, in the order of the rows of a CSV, else by
        split, class and the number in the file name; other, unreadable files come last.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: no FER2013 at `path`, or a damaged archive.
    """
    places = containers(path, LOOKED_FOR)
    copies: list[Distribution] = []
    for files in places:
        names = files.names()
        found = [*find_csv(files, names), *find_folders(files, names)]
        copies += sorted(found, key=lambda copy: copy.title)
    if not copies:
        raise ValueError(
            f"No FER2013 at {path}: expected {LOOKED_FOR}; found {listing(places)}."
            f"{_other_labels(places)}"
        )
    copies.sort(key=lambda copy: (-copy.splits, copy.preference))
    chosen = first_of("distributions", copies, lambda copy: copy.title, notice)
    problems = chosen.files.problems()
    items = chain(chosen.read(notice), problems)
    length = chosen.length + len(problems)
    identity = chosen.files.identity(chosen.names)
    expected = {
        part: {label: sum(EXPECTED[split][label] for split in splits) for label in CLASSES}
        for part, splits in chosen.parts.items()
    }
    return Raw(CLASSES, items, expected, length, distribution=chosen.title, identity=identity)


def _other_labels(places: list[Files]) -> str:
    """Says what has FER2013's columns or folders with labels that are not FER2013's."""
    for files in places:
        names = files.names()
        tables = filter(is_table, names)
        if text := next(filter(None, (other_labels(files, name) for name in tables)), ""):
            return f" {text}"
        if above := with_contempt(names):
            return (
                f" {files.source(above[0])} has a folder for contempt, which FER2013 does not "
                "have: prepare it with the dataset folder."
            )
    return ""
