"""CK+ as ckextended.csv: 920 cropped grey 48x48 frames in the form of FER2013's CSV.

Of each of the 593 sequences of CK+ it has a neutral frame, and of the 327 labelled ones a frame of
the expression. The people in its rows are unknown, and its parts divide rows, not people, so
results on them are too good. CK+ is licensed to its users by the University of Pittsburgh; nothing
is downloaded here.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from attention_fer.common.class_names import WITH_CONTEMPT
from preprocessing.raw_files.containers import containers, listing
from preprocessing.raw_files.files import Rejected
from preprocessing.sources.base import Doubt, Notice, Raw, Sample, first_of, register
from preprocessing.sources.fer2013_csv import has_contempt, items
from preprocessing.sources.tables import is_table

CLASSES = WITH_CONTEMPT
COUNTS = dict(zip(CLASSES, (45, 59, 25, 69, 28, 83, 593, 18), strict=True))
EXPECTED = "ckextended.csv (emotion,pixels,Usage with labels 0 to 7), or what holds it"

_PEOPLE = (
    "The people in ckextended.csv are unknown, and its parts share them, so results on it are too "
    "good. With the original frames, the dataset ckplus keeps people apart."
)


@register("ckextended", needs_path=EXPECTED, kind="faces")
def open_ckextended(path: str | Path, *, notice: Notice = warnings.warn) -> Raw:
    """Finds the CSV by its content, whatever its name.

    Args:
        path: the CSV, an archive, or a directory.
        notice: receives a sentence on the people, and one if the counts differ from 920 rows.

    Returns:
        Samples of (48, 48) images with the parts of the file, in the order of its rows.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: no such CSV at `path`.
    """
    places = containers(path, EXPECTED)
    found = [
        (files, name)
        for files in places
        for name in filter(is_table, files.names())
        if has_contempt(files, name)
    ]
    if not found:
        raise ValueError(
            f"No ckextended.csv at {path}: expected {EXPECTED}; found {listing(places)}."
        )
    files, name = first_of("files", found, lambda one: one[0].source(one[1]), notice)
    there = list(items(files, name, CLASSES))
    if text := _differing(there):
        notice(Doubt(text))
    notice(_PEOPLE)
    problems = files.problems()
    return Raw(
        CLASSES,
        chain(there, problems),
        length=len(there) + len(problems),
        distribution=files.source(name),
        identity=files.identity([name]),
    )


def _differing(items: Sequence[Sample | Rejected]) -> str:
    """Says which classes have another number of rows than a complete copy; "" if none has."""
    found = Counter(item.label for item in items if isinstance(item, Sample))
    off = [f"{name} {found[name]} of {n}" for name, n in COUNTS.items() if found[name] != n]
    total = f"{found.total():,} images, a complete copy has {sum(COUNTS.values())}"
    return f"There are {total}: {', '.join(off)}." if off else ""
