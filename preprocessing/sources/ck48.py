"""CK+48: 981 cropped 48x48 frames of CK+, the last three of each of its 327 labelled sequences.

The copy in circulation has a folder per expression and no neutral frames. CK+ is licensed to its
users by the University of Pittsburgh; nothing is downloaded here.
"""

from __future__ import annotations

import re
import warnings
from functools import partial
from itertools import chain
from pathlib import Path

from attention_fer.common.class_names import WITH_CONTEMPT, identity
from preprocessing.raw_files.containers import containers, listing
from preprocessing.raw_files.files import Files, Rejected, joined
from preprocessing.raw_files.images import is_photograph, load_photograph
from preprocessing.sources.base import Notice, Raw, Sample, register

CLASSES = tuple(name for name in WITH_CONTEMPT if name != "neutral")
COUNTS = dict(zip(CLASSES, (135, 177, 75, 207, 84, 249, 54), strict=True))
EXPECTED = "the directory or archive with folders like happy/S010_006_00000013.png"

_NAME = re.compile(r"(?P<subject>S\d+)_(?P<sequence>\d+)_(?P<frame>\d+)\.\w+", re.IGNORECASE)


@register("ck48", needs_path=EXPECTED, kind="faces")
def open_ck48(path: str | Path, *, notice: Notice = warnings.warn) -> Raw:
    """Finds the frames by their names and their folders.

    Args:
        path: a directory or archive.
        notice: never called.

    Returns:
        Samples by class, subject, sequence and frame, with the column `sequence`, e.g. "S010/006".
        Of several files of one frame, the first is read.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: no frame of CK+48 at `path`.
    """
    places = containers(path, EXPECTED)
    first: dict[str, str] = {}
    found = [_item(files, name, first) for files in places for name in files.names()]
    samples = [item for item in found if isinstance(item, Sample)]
    if not samples:
        raise ValueError(f"No CK+48 at {path}: expected {EXPECTED}; found {listing(places)}.")
    samples.sort(key=lambda sample: (CLASSES.index(sample.label), sample.source))
    rest = [item for item in found if isinstance(item, Rejected)]
    rest += [problem for files in places for problem in files.problems()]
    length = len(samples) + len(rest)
    return Raw(
        CLASSES,
        chain(samples, rest),
        {"": COUNTS},
        length,
        ("sequence",),
        identity=joined(files.identity() for files in places),
    )


def _item(files: Files, name: str, first: dict[str, str]) -> Sample | Rejected:
    """Recognises a file; `first` gets the source of the first file of each frame."""
    source = files.source(name)
    folder, _, file = name.rpartition("/")
    label = identity(folder.rpartition("/")[2])
    match = _NAME.fullmatch(file)
    if match is None or not is_photograph(name):
        return Rejected(source, "not a CK+ frame", "expected a name like S010_006_00000013.png")
    if label not in CLASSES:
        return Rejected(source, "unknown class folder", folder)
    if (used := first.setdefault(f"{label}/{file.upper()}", source)) != source:
        return Rejected(source, "second file of one frame", f"{used} was used instead", label)
    subject = match["subject"].upper()
    more = {"sequence": f"{subject}/{match['sequence']}"}
    return Sample(partial(load_photograph, files, name), label, subject, "", source, more)
