"""AffectNet, manually annotated: photographs from the internet with expression, valence, arousal.

Mollahosseini et al., "AffectNet: A Database for Facial Expression, Valence, and Arousal Computing
in the Wild", 2017, https://doi.org/10.1109/TAFFC.2017.2740923. Its authors provide it to research
groups on request, http://mohammadmahoor.com/affectnet/; nothing is downloaded here.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path, PurePosixPath

import numpy as np

from attention_fer.common.class_names import WITH_CONTEMPT, part_of
from preprocessing.raw_files.containers import containers, listing
from preprocessing.raw_files.files import Files, Rejected, UnreadableError, joined, read_bytes
from preprocessing.raw_files.images import is_photograph, load_photograph
from preprocessing.sources import tables
from preprocessing.sources.base import SPLITS, Notice, Raw, Sample, register
from preprocessing.sources.label_table import Finder
from preprocessing.sources.labels import number
from preprocessing.sources.tables import Cells

CLASSES = WITH_CONTEMPT
CODES = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry", "contempt")
"""The class of each number."""

_OTHERS = {8: "no expression", 9: "uncertain expression", 10: "not a face"}
_PUBLISHED = {
    "train": (24882, 3803, 6378, 134415, 25459, 14090, 74874, 3750),
    "validation": (500,) * len(CLASSES),
}
COUNTS = {split: dict(zip(CLASSES, counts, strict=True)) for split, counts in _PUBLISHED.items()}

EXPECTED = (
    "the directory or archive that holds train_set and val_set, each with images/0.jpg and "
    "annotations/0_exp.npy, or training.csv and validation.csv with their images"
)
COLUMNS = ("valence", "arousal")

_FILES = ("exp", "val", "aro")
_BOX = ("face_x", "face_y", "face_width", "face_height")
_TABLE = ("subdirectory_filepath", *_BOX, "facial_landmarks", "expression", *COLUMNS)
"""Columns of the tables, in lower case."""
_MOST_BYTES = 4096  # of an annotation


@dataclass(frozen=True, eq=False)
class _Image:
    """An image with annotations next to it.

    Attributes:
        files, name: where it is.
        split: its part of the dataset.
        annotations: the start of the names of its annotations.
    """

    files: Files
    name: str
    split: str
    annotations: str

    def item(self) -> Sample | Rejected:
        source = self.files.source(self.name)
        try:
            code, *more = (self._value(kind) for kind in _FILES)
            load = partial(load_photograph, self.files, self.name)
            return _sample(source, self.split, code, more, load)
        except UnreadableError as error:
            return Rejected(source, error.reason, str(error))

    def _value(self, kind: str) -> str:
        """Reads a file with one text or number, which is never unpickled."""
        name = f"{self.annotations}_{kind}.npy"
        data = read_bytes(self.files, name, most=_MOST_BYTES)
        try:
            found = np.load(io.BytesIO(data), allow_pickle=False)
            return str(found.reshape(-1)[0]) if found.size == 1 else f"{found.size} values"
        except Exception as error:  # NumPy raises many kinds for a damaged file
            detail = f"{self.files.source(name)}: {error}"
            raise UnreadableError("unreadable annotation", detail[:200]) from None


@register("affectnet", needs_path=EXPECTED, kind="faces")
def open_affectnet(path: str | Path, *, notice: Notice = warnings.warn) -> Raw:
    """Finds the images with their annotations, as `.npy` files or as tables.

    Eight classes; leave contempt out for the usual seven. AffectNet has no public test part;
    published results are on its validation part.

    Args:
        path: a directory or archive, packed or unpacked.
        notice: receives a sentence on the faces of the tables, which differ in size.

    Returns:
        Samples by split and path, or by split and row, with the columns `valence` and `arousal`, -1
        to 1. Of a table, each sample is the face that the table gives. Images without an
        expression, uncertain ones and those without a face are rejected.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: no AffectNet at `path`.
    """
    places = containers(path, EXPECTED)
    images, rest = _with_annotations(places)
    listed = [] if images else _tables(places)
    if not images and not listed:
        raise ValueError(
            f"No AffectNet at {path}: expected {EXPECTED}; found {listing(places)}. AffectNet is "
            "available to research groups at http://mohammadmahoor.com/affectnet/."
        )
    problems = [problem for files in places for problem in files.problems()]
    if images:
        found: Iterator[Sample | Rejected] = (image.item() for image in images)
        length, where = len(images) + len(rest), "images with annotations as .npy"
    else:
        notice("The faces in the tables differ in size: give --size for the images.")
        items = [item for files, name in listed for item in _rows(files, name, places)]
        rest = _not_listed(places, items)
        found, length = iter(items), len(items) + len(rest)
        where = " and ".join(files.source(name) for files, name in listed)
    return Raw(
        CLASSES,
        chain(found, rest, problems),
        COUNTS,
        length + len(problems),
        COLUMNS,
        where,
        joined(files.identity() for files in places),
    )


def _with_annotations(places: list[Files]) -> tuple[list[_Image], list[Rejected]]:
    """Returns the images of which an expression is annotated, by split and path, and the rest."""
    found = []
    others = []
    first: dict[str, str] = {}  # a part may lie packed beside its unpacked files
    for files in places:
        names = set(files.names())
        alone = {name for name in names if _is_annotation(PurePosixPath(name))}
        for name in filter(is_photograph, files.names()):
            folder, image = PurePosixPath(name).parent.parent, PurePosixPath(name)
            start = str(folder / "annotations" / image.stem)
            split, source = part_of(folder.name), files.source(name)
            if not (split and image.parent.name == "images" and f"{start}_exp.npy" in names):
                others.append(Rejected(source, "image without annotation"))
                continue
            alone.discard(f"{start}_exp.npy")
            if (used := first.setdefault(f"{split}/{image.name}", source)) == source:
                found.append(_Image(files, name, split, start))
            else:
                detail = f"{used} was used instead"
                others.append(Rejected(source, "second file of one image", detail))
        others += [Rejected(files.source(name), "annotation without image") for name in alone]
    found.sort(key=lambda one: (SPLITS.index(one.split), len(one.name), one.name))
    return found, sorted(others, key=lambda one: one.source)


def _is_annotation(path: PurePosixPath) -> bool:
    """Whether a file gives the expression of an image."""
    there = path.parent.name == "annotations" and path.name.endswith("_exp.npy")
    return there and bool(part_of(path.parent.parent.name))


def _sample(source: str, split: str, code: str, more: list[str], load: partial) -> Sample:
    """Makes the sample of an image. Raises `UnreadableError`."""
    value = number(code, "expression")
    if value in _OTHERS:
        raise UnreadableError(_OTHERS[int(value)], f"expression {code}")
    if value not in range(len(CODES)):
        raise UnreadableError("expression out of range", f"{code[:40]!r}, expected 0 to 10")
    values = {name: number(text, name) for name, text in zip(COLUMNS, more, strict=True)}
    return Sample(load, CODES[int(value)], "", split, source, values)


def _tables(places: list[Files]) -> list[tuple[Files, str]]:
    """Finds training.csv and validation.csv by their names and columns, train first."""
    found = [
        (files, name)
        for files in places
        for name in files.names()
        if name.lower().endswith(".csv") and part_of(PurePosixPath(name).stem)
        if _columns(files, name)
    ]
    return sorted(found, key=lambda one: SPLITS.index(part_of(PurePosixPath(one[1]).stem)))


def _columns(files: Files, name: str) -> tuple[list[str], bool] | None:
    """Returns the names of the columns and whether the file has them; None for another table."""
    cells = tables.header(files, name)
    if {"subdirectory_filepath", "expression", *COLUMNS} <= set(cells):
        return cells, True
    bare = len(cells) == len(_TABLE) and is_photograph(cells[0])
    return (list(_TABLE), False) if bare else None


def _rows(files: Files, name: str, places: list[Files]) -> Iterator[Sample | Rejected]:
    """Yields an item for each row of a table."""
    columns = _columns(files, name)
    assert columns is not None  # the table was recognised by them
    finders = [(place, Finder(list(filter(is_photograph, place.names())))) for place in places]
    split, where = part_of(PurePosixPath(name).stem), files.source(name)
    try:
        for line, cells in tables.rows(files, name, *columns):
            yield _row(f"{where}:{line}", cells, split, finders)
    except UnreadableError as error:
        yield Rejected(where, error.reason, str(error))


def _row(
    row: str, cells: Cells | UnreadableError, split: str, finders: list[tuple[Files, Finder]]
) -> Sample | Rejected:
    source = row
    try:
        if isinstance(cells, UnreadableError):
            raise cells
        called = cells["subdirectory_filepath"]
        hits = ((place, name) for place, finder in finders if (name := finder.find(called)))
        place, name = next(hits, (None, ""))
        if place is None:
            raise UnreadableError("no photograph of this name, or several", called[:100])
        source = place.source(name)
        box = None
        if set(_BOX) <= cells.keys():
            box = [number(cells[side], "box") for side in _BOX]
        load = partial(_face, place, name, box)
        return _sample(source, split, cells["expression"], [cells[c] for c in COLUMNS], load)
    except UnreadableError as error:
        return Rejected(source, error.reason, str(error))


def _face(files: Files, name: str, box: list[float] | None) -> np.ndarray:
    """Loads the face of an image: the part of the box that lies inside; all without a box."""
    image = load_photograph(files, name)
    if box is None:
        return image
    left, top, width, height = map(round, box)
    face = image[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
    if not face.size:
        raise UnreadableError("box outside the image", f"{box} in {image.shape[1::-1]}")
    return np.ascontiguousarray(face)


def _not_listed(places: list[Files], items: list[Sample | Rejected]) -> list[Rejected]:
    named = {item.source for item in items}
    sources = (files.source(n) for files in places for n in files.names() if is_photograph(n))
    return [Rejected(source, "not in the tables") for source in sources if source not in named]
