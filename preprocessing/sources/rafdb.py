"""RAF-DB, single labels: 15,339 photographs from the internet, aligned to 100x100 faces in colour.

Li et al., "Reliable Crowdsourcing and Deep Locality-Preserving Learning for Expression Recognition
in the Wild", 2017, https://doi.org/10.1109/CVPR.2017.277. Its authors provide it to academic
researchers on request, http://www.whdeld.com/raf/model1.html; nothing is downloaded here.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path, PurePosixPath

from attention_fer.common.class_names import BASIC
from preprocessing.raw_files.containers import containers, listing
from preprocessing.raw_files.files import Files, Rejected, UnreadableError, joined, read_lines
from preprocessing.raw_files.images import is_photograph, load_photograph
from preprocessing.sources.base import SPLITS, Notice, Raw, Sample, first_of, register

CLASSES = BASIC
CODES = dict(
    zip("1234567", ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral"), strict=True)
)
"""The class of each number, in the list and as the name of a folder."""

_PUBLISHED = {
    "train": (705, 717, 281, 4772, 1982, 1290, 2524),
    "test": (162, 160, 74, 1185, 478, 329, 680),
}
COUNTS = {split: dict(zip(CLASSES, counts, strict=True)) for split, counts in _PUBLISHED.items()}

LISTS = ("list_patition_label.txt", "list_partition_label.txt")
"""Names of the list of labels; the first, with its slip, is the one distributed."""

EXPECTED = (
    "the directory or archive that holds list_patition_label.txt and aligned images like "
    "train_00001_aligned.jpg, or those in folders 1 to 7"
)

_NAME = re.compile(r"(?P<stem>(?P<split>train|test)_(?P<number>\d+))(?P<aligned>_aligned)?\.\w+")


@dataclass(frozen=True, eq=False)
class _Image:
    """An image file of RAF-DB."""

    files: Files
    name: str
    match: re.Match[str]

    @property
    def source(self) -> str:
        return self.files.source(self.name)

    @property
    def stem(self) -> str:
        return self.match["stem"]

    @property
    def folder(self) -> str:
        return PurePosixPath(self.name).parent.name


@register("rafdb", needs_path=EXPECTED, kind="faces")
def open_rafdb(path: str | Path, *, notice: Notice = warnings.warn) -> Raw:
    """Finds the aligned images and their labels.

    Labels come from the list; without it, from folders 1 to 7, as in some copies.

    Args:
        path: a directory or archive, packed or unpacked.
        notice: receives a sentence if the labels come from the folders, or from one of several
            lists.

    Returns:
        Samples by split, class and number. RAF-DB has a train and a test part and no validation
        part. Images that are not aligned, not in the list, or missing are rejected.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: no aligned image or no labels at `path`.
    """
    places = containers(path, EXPECTED)
    images, rest = _images(places)
    if not images:
        raise ValueError(
            f"No aligned image of RAF-DB at {path}: expected {EXPECTED}; found {listing(places)}. "
            "RAF-DB is available to researchers at http://www.whdeld.com/raf/model1.html."
        )
    lists = [(f, name) for f in places for name in f.names() if name.lower().endswith(LISTS)]
    labels: dict[str, str] = {}
    if lists:
        files, name = first_of("lists of labels", lists, lambda one: one[0].source(one[1]), notice)
        labels, bad = _labels(files, name)
        rest += [*bad, *_without_image(files.source(name), labels, images)]
    else:
        labels = {one.stem: CODES[one.folder] for one in images.values() if one.folder in CODES}
        notice("There is no list of labels: they come from the folders 1 to 7.")
    if not labels:
        raise ValueError(f"No labels of RAF-DB at {path}: expected {EXPECTED}.")
    samples = [_sample(one, labels[stem]) for stem, one in images.items() if stem in labels]
    samples.sort(key=lambda s: (SPLITS.index(s.split), CLASSES.index(s.label), s.source))
    missing = [one for stem, one in images.items() if stem not in labels]
    rest += [Rejected(one.source, "not in the list of labels") for one in missing]
    rest += [problem for files in places for problem in files.problems()]
    length = len(samples) + len(rest)
    where = lists[0][0].source(lists[0][1]) if lists else "the folders 1 to 7"
    return Raw(
        CLASSES,
        chain(samples, rest),
        COUNTS,
        length,
        distribution=f"aligned images, labels of {where}",
        identity=joined(files.identity() for files in places),
    )


def _images(places: list[Files]) -> tuple[dict[str, _Image], list[Rejected]]:
    """Returns the first aligned file of each image, and all others as rejected."""
    found: dict[str, _Image] = {}
    rest = []
    for files in places:
        for name in files.names():
            match = _NAME.fullmatch(PurePosixPath(name).name.lower())
            one = _Image(files, name, match) if match and is_photograph(name) else None
            if one is None:
                if not name.lower().endswith(LISTS):
                    rest.append(Rejected(files.source(name), "not a RAF-DB image"))
            elif not one.match["aligned"] and one.folder not in CODES:
                rest.append(Rejected(one.source, "not an aligned image"))
            elif found.setdefault(one.stem, one) is not one:
                detail = f"{found[one.stem].source} was used instead"
                rest.append(Rejected(one.source, "second file of one image", detail))
    return found, rest


def _labels(files: Files, name: str) -> tuple[dict[str, str], list[Rejected]]:
    """Reads lines like `train_00001.jpg 5`: the class of each image, and bad lines."""
    labels: dict[str, str] = {}
    bad = []
    where = files.source(name)
    try:
        for number, line in enumerate(read_lines(files, name), start=1):
            words = line.split() if isinstance(line, str) else ["", ""]
            if not words:
                continue
            match = _NAME.fullmatch(words[0].lower())
            if match is None or len(words) != 2 or words[1] not in CODES:
                detail = f"{' '.join(words)[:40]!r}, expected a line like train_00001.jpg 5"
                bad.append(Rejected(f"{where}:{number}", "no image and label", detail))
            elif labels.setdefault(match["stem"], CODES[words[1]]) != CODES[words[1]]:
                detail = f"{match['stem']} is already {labels[match['stem']]}"
                bad.append(Rejected(f"{where}:{number}", "labels of an image differ", detail))
    except UnreadableError as error:
        bad.append(Rejected(where, error.reason, str(error)))
    return labels, bad


def _without_image(where: str, labels: dict[str, str], images: dict[str, _Image]) -> list[Rejected]:
    gone = sorted(labels.keys() - images.keys())
    return [Rejected(f"{where}/{stem}", "no aligned image", "", labels[stem]) for stem in gone]


def _sample(one: _Image, label: str) -> Sample:
    load = partial(load_photograph, one.files, one.name)
    return Sample(load, label, "", one.match["split"], one.source)
