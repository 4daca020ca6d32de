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
from preprocessing.raw_files.containers import container, listing
from preprocessing.raw_files.files import Files, Rejected
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

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: no frame of CK+48 at `path`.
    """
    files = container(path, EXPECTED)
    found = [_item(files, name) for name in files.names()]
    samples = [item for item in found if isinstance(item, Sample)]
    if not samples:
        raise ValueError(f"No CK+48 at {path}: expected {EXPECTED}; found {listing([files])}.")
    samples.sort(key=lambda sample: (CLASSES.index(sample.label), sample.source))
    rest = [item for item in found if isinstance(item, Rejected)] + files.problems()
    length = len(samples) + len(rest)
    return Raw(
        CLASSES,
        chain(samples, rest),
        {"": COUNTS},
        length,
        ("sequence",),
        identity=files.identity(),
    )


def _item(files: Files, name: str) -> Sample | Rejected:
    source = files.source(name)
    folder, _, file = name.rpartition("/")
    label = identity(folder.rpartition("/")[2])
    match = _NAME.fullmatch(file)
    if match is None or not is_photograph(name):
        return Rejected(source, "no frame of CK+", "expected a name like S010_006_00000013.png")
    if label not in CLASSES:
        return Rejected(source, "unknown class folder", folder)
    subject = match["subject"].upper()
    more = {"sequence": f"{subject}/{match['sequence']}"}
    return Sample(partial(load_photograph, files, name), label, subject, "", source, more)
