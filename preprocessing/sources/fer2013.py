"""FER2013: 35,887 grey 48x48 photographs of seven expressions, in any of its distributions.

Source: Goodfellow et al., "Challenges in Representation Learning", 2013,
https://arxiv.org/abs/1307.0414
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import fer2013_csv, fer2013_folders
from .base import Notice, Rejected, Sample, Source, register
from .fer2013_csv import CLASSES
from .files import DirectoryFiles, Files, ZipFiles

_PUBLISHED = {
    "train": (3995, 436, 4097, 7215, 4830, 3171, 4965),
    "validation": (467, 56, 496, 895, 653, 415, 607),
    "test": (491, 55, 528, 879, 594, 416, 626),
}
EXPECTED = {split: dict(zip(CLASSES, counts, strict=True)) for split, counts in _PUBLISHED.items()}

LOOKED_FOR = (
    "fer2013.csv (emotion,pixels,Usage), icml_face_data.csv (emotion, Usage, pixels), "
    "train.csv (emotion,pixels) with test.csv (pixels), folders train/<emotion> and "
    "test/<emotion> of .jpg or .png files, or a .zip of any of these"
)


Reader = fer2013_csv.CsvDistribution | fer2013_folders.FolderDistribution


@dataclass(frozen=True)
class _Distribution:
    """One copy of FER2013: how complete it is, what it is called, how to read it."""

    rank: tuple
    title: str
    files: Files
    reader: Reader


def read(path: str | Path, *, notice: Notice = warnings.warn) -> Iterator[Sample | Rejected]:
    """Read FER2013 from a CSV, a zip, or a directory holding any of its distributions.

    Where several are found, the one that covers most splits is read; among those a CSV with all
    three parts comes before the folders, and the folders before train.csv.

    Args:
        path: the .csv, the .zip, or a directory.
        notice: called with a sentence on what was chosen or is missing.

    Yields:
        Samples of (48, 48) images without subject. Order: that of the rows in a CSV, else by
        split, class and the number in the file name.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: nothing known at `path`, or a .zip that is none.
    """
    found = sorted(_distributions(Path(path)), key=lambda item: item.rank)
    if not found:
        raise ValueError(f"no FER2013 at {path}: looked for {LOOKED_FOR}; found {_listing(path)}")
    chosen, *others = found
    if others:
        also = ", ".join(item.title for item in others)
        notice(f"several distributions found: reading {chosen.title}, ignoring {also}")
    # Not a generator itself, so that a wrong path fails at the call and not at the first sample.
    return chosen.reader.read(chosen.files, notice)


def _distributions(path: Path) -> list[_Distribution]:
    found = []
    for place, (files, only) in enumerate(_containers(path)):
        names = [only] if only else files.names()
        readers: list[Reader] = [
            *fer2013_csv.find(files, names),
            *fer2013_folders.find(files, names),
        ]
        for reader in readers:
            rank = (-reader.splits, reader.preference, place, reader.title)
            found.append(_Distribution(rank, files.prefix + reader.title, files, reader))
    return found


def _containers(path: Path) -> Iterator[tuple[Files, str | None]]:
    """Where to look: (files, the only name to look at or None for all)."""
    if not path.exists():
        raise FileNotFoundError(f"no file or directory at {path}: give {LOOKED_FOR}")
    if path.suffix.lower() == ".zip" and path.is_file():
        yield ZipFiles(path), None
    elif path.is_file():
        yield DirectoryFiles(path.parent), path.name
    else:
        yield DirectoryFiles(path), None
        for archive in sorted(path.glob("*.zip")):
            yield ZipFiles(archive), None


def _listing(path: str | Path, most: int = 8) -> str:
    """The first few names found, for an error message."""
    names = [
        files.prefix + name
        for files, only in _containers(Path(path))
        for name in ([only] if only else files.names())
    ]
    shown = ", ".join(names[:most]) or "nothing"
    return f"{shown}, ... ({len(names)} files)" if len(names) > most else shown


SOURCE = register(
    Source(
        name="fer2013",
        classes=CLASSES,
        read=read,
        expected=EXPECTED,
        length=sum(map(sum, _PUBLISHED.values())),
        needs_path="fer2013.csv, icml_face_data.csv, archive.zip or the directory holding them",
    )
)
