"""Turn one source into a prepared dataset folder."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL

from . import quality
from .dataset import IMAGES, INDEX, Dataset, read_index
from .sharpness import by_split, unlike
from .sources import Notice, Rejected, Sample, Source, get
from .staging import staging
from .writer import Row, Writer

Track = Callable[[Iterable[Any]], Iterable[Any]]
"""Wraps the stream of raw items, to show progress."""


def uncropped(sample: Sample) -> Row | Rejected:
    """Take the photograph as it is. The place where detection and cropping come in."""
    return Row(sample.image, sample.label, sample.subject, sample.split, sample.source)


def prepare(
    name: str,
    path: str | Path | None,
    out: str | Path,
    *,
    overwrite: bool = False,
    drop_flat: bool = False,
    drop_duplicates: bool = False,
    face: Callable[[Sample], Row | Rejected] = uncropped,
    track: Track = iter,
    notice: Notice = warnings.warn,
    **options: Any,
) -> Dataset:
    """Read a dataset and write it as a folder, whole or not at all.

    Args:
        name: a registered source, see `sources.names`.
        path: where the raw files lie; None for a source that needs none.
        out: the folder to make.
        overwrite: replace a prepared dataset that is already there.
        drop_flat, drop_duplicates: leave out such images, see `quality.drop`.
        face: makes the row out of a sample, or rejects it.
        track: wraps the stream of raw items, to show progress.
        notice: called with each sentence that also goes into the manifest's notices.
        **options: handed to the source's ``read``.

    Raises:
        ValueError: unknown name or option, nothing readable at `path`, or no usable image.
        FileNotFoundError: nothing at `path`.
        FileExistsError: `out` is taken, see `staging.staging`.
    """
    source = get(name)
    _check_request(source, path, options)
    notices: list[str] = []

    def tell(text: str) -> None:
        notices.append(text)
        notice(text)

    with staging(out, overwrite=overwrite) as folder:
        items = track(source.read(path, notice=tell, **options))
        kept = quality.drop(items, flat=drop_flat, duplicates=drop_duplicates)
        writer = Writer(folder, source.classes)
        writer.consume(_rows(kept, face))
        found = _inspect(folder)
        blurred = unlike(found["sharpness"])
        for text in [*deviations(source, writer), *([blurred] if blurred else [])]:
            tell(text)
        writer.manifest(
            source.name,
            synthetic=source.synthetic,
            notices=notices,
            quality=found,
            parameters={
                "source": None if path is None else str(path),
                "options": options,
                "drop_flat": drop_flat,
                "drop_duplicates": drop_duplicates,
            },
            versions=_versions(),
        )
    return Dataset.open(out)


def _check_request(source: Source, path: str | Path | None, options: dict[str, Any]) -> None:
    if source.needs_path and path is None:
        raise ValueError(f"{source.name} needs --source: give {source.needs_path}")
    unknown = sorted(set(options) - source.options)
    if unknown:
        known = ", ".join(sorted(source.options)) or "none"
        raise ValueError(f"{source.name} has no option {unknown[0]!r}: its options are {known}")


def _rows(items: Iterable[Sample | Rejected], face: Callable) -> Iterator[Row | Rejected]:
    for item in items:
        yield item if isinstance(item, Rejected) else face(item)


def deviations(source: Source, writer: Writer) -> list[str]:
    """Sentences on where the counts differ from the published ones; empty where none does."""
    found = []
    for split, expected in (source.expected or {}).items():
        used = {label: writer.counts[split, label] for label in expected}
        if used != expected:
            total, wanted = sum(used.values()), sum(expected.values())
            off = [f"{c} {used[c]:,} of {n:,}" for c, n in expected.items() if used[c] != n]
            listed = ", ".join(off)
            found.append(f"{split} has {total:,} images, published are {wanted:,}: {listed}")
    return found


def _inspect(folder: Path) -> dict[str, Any]:
    rows = read_index(folder / INDEX)
    images = np.load(folder / IMAGES, mmap_mode="r", allow_pickle=False)
    labels, splits, sources = ([row[name] for row in rows] for name in ("label", "split", "source"))
    return {
        **quality.inspect(images, labels, splits, sources),
        "sharpness": by_split(images, splits),
    }


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pillow": PIL.__version__,
        "opencv": cv2.__version__,
    }
