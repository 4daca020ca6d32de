"""Write the three files of a prepared dataset from a stream, in constant memory for images."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .dataset import COLUMNS, IMAGES, INDEX, MANIFEST, SCHEMA_VERSION
from .fingerprint import Fingerprint
from .sources import Rejected

MOST_EXAMPLES = 20


@dataclass(frozen=True, eq=False)
class Row:
    """One image of the prepared dataset.

    Attributes:
        image: uint8 (height, width) or (height, width, channels), the same shape in every row.
        label, subject, split, source: as in `sources.Sample`.
        box: x, y, width, height of the face in source pixels; None where none was detected.
        score: the detector's confidence in 0..1; None where nothing was detected.
    """

    image: np.ndarray
    label: str
    subject: str
    split: str
    source: str
    box: tuple[float, float, float, float] | None = None
    score: float | None = None


class Writer:
    """Writes rows into a folder as they come.

    Attributes:
        seen, used: numbers of items taken in and of images written.
        dropped: reason -> number of items.
        examples: reason -> up to 20 items as "source: detail".
        counts: (split, label) -> number of images.
    """

    def __init__(self, folder: Path, classes: Sequence[str]):
        self.classes = tuple(classes)
        self.seen = self.used = 0
        self.dropped: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}
        self.counts: Counter[tuple[str, str]] = Counter()
        self._folder = folder
        self._fingerprint = Fingerprint(self.classes)
        self._shape: tuple[int, ...] = ()

    def consume(self, items: Iterable[Row | Rejected]) -> None:
        """Write all items, then complete ``images.npy`` and ``index.csv``.

        Raises:
            ValueError: no row came, an image is not uint8 or not of the first one's shape, or a
                label is not in `classes`.
        """
        with (
            open(self._folder / IMAGES, "wb") as images,
            open(self._folder / INDEX, "w", encoding="utf-8", newline="") as index,
        ):
            lines = csv.writer(index, lineterminator="\n")
            lines.writerow(COLUMNS)
            for item in items:
                self.seen += 1
                if isinstance(item, Rejected):
                    self._drop(item)
                else:
                    images.write(self._take(item, images))
                    lines.writerow(_cells(item))
            self._finish(images)

    def manifest(self, dataset: str, **more: Any) -> dict[str, Any]:
        """Write and return ``manifest.json``: its fixed keys followed by `more`."""
        content = {
            "schema_version": SCHEMA_VERSION,
            "dataset": dataset,
            "classes": list(self.classes),
            "seen": self.seen,
            "used": self.used,
            "dropped": dict(self.dropped.most_common()),
            "fingerprint": self._fingerprint.hexdigest(),
            "image_shape": list(self._shape),
            "counts": self._table(),
            "dropped_examples": self.examples,
            **more,
        }
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        (self._folder / MANIFEST).write_text(text, encoding="utf-8")
        return content

    def _drop(self, item: Rejected) -> None:
        self.dropped[item.reason] += 1
        examples = self.examples.setdefault(item.reason, [])
        if len(examples) < MOST_EXAMPLES:
            examples.append(f"{item.source}: {item.detail}" if item.detail else item.source)

    def _take(self, row: Row, images: BinaryIO) -> bytes:
        image = row.image[..., None] if row.image.ndim == 2 else row.image
        if not self._shape:
            self._shape = image.shape
            _write_header(images, 0, self._shape)
        self._check(row, image)
        self._fingerprint.add(image, row.label, row.subject, row.split)
        self.counts[row.split, row.label] += 1
        self.used += 1
        return image.tobytes()

    def _check(self, row: Row, image: np.ndarray) -> None:
        if image.dtype != np.uint8 or image.shape != self._shape:
            raise ValueError(
                f"{row.source} is {image.dtype} {image.shape}, expected uint8 {self._shape} "
                "like the first image: crop or resize all images to one size"
            )
        if row.label not in self.classes:
            raise ValueError(f"{row.source} has the label {row.label!r}, expected {self.classes}")

    def _finish(self, images: BinaryIO) -> None:
        if self.used + self.dropped.total() != self.seen:
            raise RuntimeError(f"{self.used} used and {self.dropped} dropped of {self.seen} seen")
        if not self.used:
            reasons = ", ".join(f"{why} ({n})" for why, n in self.dropped.most_common())
            raise ValueError(f"no usable image among {self.seen} items: {reasons or 'none found'}")
        end = images.tell()
        images.seek(0)
        _write_header(images, self.used, self._shape)
        images.seek(end)

    def _table(self) -> dict[str, dict[str, int]]:
        """Counts as split -> label -> images, splits in order of appearance."""
        splits = dict.fromkeys(split for split, _ in self.counts)
        return {s: {label: self.counts[s, label] for label in self.classes} for s in splits}


def _write_header(images: BinaryIO, rows: int, shape: tuple[int, ...]) -> None:
    # numpy pads its header so that the first axis can grow in place up to 20 digits.
    header = {"descr": "|u1", "fortran_order": False, "shape": (rows, *shape)}
    np.lib.format.write_array_header_1_0(images, header)


def _cells(row: Row) -> list[Any]:
    box = row.box or ("", "", "", "")
    score = "" if row.score is None else row.score
    return [row.label, row.subject, row.split, row.source, *box, score]
