"""Write images, index and dropped items of a prepared dataset from a stream.

Images are appended to `images.npy` as they come, in constant memory; a full disk then makes that
write fail, instead of causing the fatal signal of a write through a memory map. Progress is
recorded every few seconds, so a preparation that was stopped, was killed or filled the disk resumes
from there.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from attention_fer.common.files import write_text
from preprocessing.dataset.folder import stream
from preprocessing.dataset.index import (
    COLUMNS,
    DROPPED_COLUMNS,
    INDEX,
    IndexRow,
    read_dropped,
    read_rows,
)
from preprocessing.dataset.manifest import DROPPED, IMAGES, SCHEMA_VERSION
from preprocessing.raw_files.files import as_text
from preprocessing.sources import Rejected, Sample

PROGRESS = "progress.json"
MOST_EXAMPLES = 20
_SECONDS = 2.0  # between two records of the progress


class DatasetWriter(AbstractContextManager["DatasetWriter"]):
    """Appends to the three files of an unfinished dataset folder.

    Attributes:
        items: number of raw items whose rows and rejections have been written.
        used: number of images written.
        dropped: reason -> number of rejections.
        examples: reason -> up to 20 rejections as "source: detail".
        counts: (split, label) -> number of images.
        shape: (height, width, channels) of every image; () before the first.
    """

    def __init__(
        self,
        folder: Path,
        classes: Sequence[str],
        columns: Sequence[str] = (),
        settings: dict[str, Any] | None = None,
        *,
        restart: bool = False,
    ):
        """Starts in an empty folder, or resumes where an earlier writer of it stopped.

        Args:
            folder: the folder to write into; progress is recorded next to it.
            classes: class names; other labels are refused.
            columns: names of the index's further columns.
            settings: values that JSON can hold; must be equal to resume.
            restart: start over, whatever is there.

        Raises:
            ValueError: the folder holds an unfinished dataset made with other settings.
        """
        self.folder, self.classes, self.columns = folder, tuple(classes), tuple(columns)
        self.items = self.used = 0
        self.dropped: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}
        self.counts: Counter[tuple[str, str]] = Counter()
        self.shape: tuple[int, ...] = ()
        self._record = folder.with_name(PROGRESS)
        self._names = hashlib.sha256()
        self._settings = {"schema_version": SCHEMA_VERSION, "classes": self.classes}
        self._settings |= {"columns": self.columns, **(settings or {})}
        # In the form it has when read back from disk.
        self._settings = json.loads(json.dumps(self._settings, default=str))
        if restart:  # else a kill before the next record would join old progress to new files
            self._record.unlink(missing_ok=True)
        self._done = self._read_record()
        self._whole = True
        self._files: list[BinaryIO] = []
        self._open()
        self._due = time.monotonic() + _SECONDS

    def __exit__(self, *_: object) -> None:
        self.close()

    def rest(self, items: Iterable[Sample | Rejected]) -> Iterator[Sample | Rejected]:
        """The raw items that remain to be done.

        Raises:
            ValueError: the items done before are not the first ones now.
        """
        items = iter(items)
        if self._done:
            self._whole = False  # until the names of the finished items are hashed again
            for item in islice(items, self._done["items"]):
                self._name(item.source)
            if self._names.hexdigest() != self._done["names"]:
                raise ValueError(
                    "The raw files are not those of the interrupted preparation. "
                    "Give --restart to start over."
                )
            self._whole = True
        return items

    def written(self) -> Iterator[tuple[np.ndarray, str]]:
        """The images written so far with their sources, in order."""
        if self.used:
            self._header()
            self.flush()
            sources = (cells[0] for cells in read_rows(self.folder / INDEX, ("source",)))
            yield from zip(stream(self.folder / IMAGES), sources, strict=True)

    def add(self, source: str, made: Iterable[IndexRow | Rejected]) -> None:
        """Writes the rows and rejections of one raw item.

        Raises:
            ValueError: an image is not uint8 or differs in shape from the first, or a label is not
                in `classes`.
            OSError: the disk is full or gone; recorded progress stays.
        """
        self._whole = False
        for one in made:
            if isinstance(one, Rejected):
                self._drop(one)
            else:
                self._take(one)
        self._name(source)
        self.items += 1
        self._whole = True
        if time.monotonic() >= self._due:
            self.flush()
            self._due = time.monotonic() + _SECONDS

    def flush(self) -> None:
        """Forces everything to disk and records the progress."""
        for file in self._files:
            file.flush()
            os.fsync(file.fileno())
        images, index, dropped = (file.tell() for file in self._files)
        record = {
            "settings": self._settings,
            "items": self.items,
            "names": self._names.hexdigest(),
            "bytes": {IMAGES: images, INDEX: index, DROPPED: dropped},
            "shape": self.shape,
        }
        write_text(self._record, json.dumps(record))

    def close(self) -> None:
        """Records any progress, unless an item is half written, and closes the files."""
        with suppress(OSError):  # on a full disk the last record stands
            if self._whole and self.used and self._files:
                self.flush()
        for file in self._files:
            with suppress(OSError):
                file.close()
        self._files = []

    def finish(self) -> None:
        """Completes `images.npy`. Raises ValueError if no image was used."""
        if not self.used:
            reasons = "; ".join(
                f"{why} ({count:,}, such as {self.examples[why][0]})"
                for why, count in self.dropped.most_common()
            )
            raise ValueError(
                f"No usable image among {self.items:,} items: {reasons or 'none found'}."
            )
        self._header()
        self.flush()

    def table(self) -> dict[str, dict[str, int]]:
        """Counts as split -> label -> images, splits in order of appearance."""
        splits = dict.fromkeys(split for split, _ in self.counts)
        return {s: {label: self.counts[s, label] for label in self.classes} for s in splits}

    def _read_record(self) -> dict[str, Any] | None:
        try:
            found = json.loads(self._record.read_text(encoding="utf-8"))
            theirs, ours = dict(found["settings"]), self._settings
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None
        if not (self.folder / IMAGES).exists():  # killed after the folder took its place
            return None
        theirs, ours = _leaves(theirs), _leaves(ours)
        changed = [
            f"{name} was {theirs.get(name)!r}, is {ours.get(name)!r}"
            for name in sorted({*theirs, *ours})
            if theirs.get(name) != ours.get(name)
        ]
        if changed:
            raise ValueError(
                f"{self._record.parent} holds an interrupted preparation with other settings "
                f"({'; '.join(changed)}). Repeat its command to resume it, "
                "or give --restart to start over."
            )
        return found

    def _open(self) -> None:
        sizes = self._done["bytes"] if self._done else {}
        for name, size in sizes.items():
            _check_size(self.folder / name, size)
        self._files = [_reopen(self.folder / name, sizes) for name in (IMAGES, INDEX, DROPPED)]
        self._images, self._index, self._lost = self._files
        if not self._done:
            self._index.write(_line([*COLUMNS, *self.columns]))
            self._lost.write(_line(DROPPED_COLUMNS))
            return
        self.items = self._done["items"]
        self.shape = tuple(self._done["shape"])
        for label, split in read_rows(self.folder / INDEX, ("label", "split")):
            self.counts[split, label] += 1
            self.used += 1
        for item in read_dropped(self.folder / DROPPED):
            self._count(item)

    def _name(self, source: str) -> None:
        self._names.update(json.dumps(source).encode() + b"\n")

    def _drop(self, item: Rejected) -> None:
        item = Rejected(*map(as_text, (item.source, item.reason, item.detail, item.label)))
        self._lost.write(_line([item.source, item.reason, item.detail, item.label]))
        self._count(item)

    def _count(self, item: Rejected) -> None:
        self.dropped[item.reason] += 1
        examples = self.examples.setdefault(item.reason, [])
        if len(examples) < MOST_EXAMPLES:
            examples.append(f"{item.source}: {item.detail}" if item.detail else item.source)

    def _take(self, row: IndexRow) -> None:
        image = row.image[..., None] if row.image.ndim == 2 else row.image
        if not self.shape:
            self.shape = image.shape
            self._header()
        self._check(row, image)
        self._images.write(np.ascontiguousarray(image).data)
        self._index.write(_line(row.cells(self.columns)))
        self.counts[row.split, row.label] += 1
        self.used += 1

    def _check(self, row: IndexRow, image: np.ndarray) -> None:
        if image.dtype != np.uint8 or image.shape != self.shape:
            # Resuming cannot get past this image, and the corrected command has other settings.
            self._record.unlink(missing_ok=True)
            raise ValueError(
                f"{row.source} must be uint8 {self.shape} like the first image, "
                f"got {image.dtype} {image.shape}. Give --size and --colour to make all alike."
            )
        if row.label not in self.classes:
            raise ValueError(
                f"The label of {row.source} must be one of {self.classes}, got {row.label!r}."
            )

    def _header(self) -> None:
        # numpy pads its header so that the first axis can grow in place up to 20 digits.
        header = {"descr": "|u1", "fortran_order": False, "shape": (self.used, *self.shape)}
        self._images.seek(0)
        np.lib.format.write_array_header_1_0(self._images, header)
        self._images.seek(0, os.SEEK_END)


def _leaves(settings: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Nested settings as one level: `{"faces margin": 0.1}`."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            found |= _leaves(value, f"{above}{name} ")
        else:
            found[above + name] = value
    return found


def _check_size(path: Path, size: int) -> None:
    found = path.stat().st_size if path.exists() else 0
    if found < size:
        raise ValueError(
            f"{path} must have at least the {size:,} recorded bytes, got {found:,}. "
            "Give --restart to start over."
        )


def _reopen(path: Path, sizes: dict[str, int]) -> BinaryIO:
    """Opens a file for appending, cut to its recorded size, or to nothing without a record."""
    file = open(path, "r+b" if path.exists() else "w+b")  # noqa: SIM115 (the writer closes it)
    file.truncate(sizes.get(path.name, 0))
    file.seek(0, os.SEEK_END)
    return file


def _line(cells: Sequence[Any]) -> bytes:
    text = io.StringIO()
    # With this line end the module quotes a carriage return, too, as in macOS's file "Icon\r".
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().removesuffix("\r\n").encode() + b"\n"
