"""The files of a prepared folder: each is there and readable."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from preprocessing.dataset.folder import DROPPED, FILES, IMAGES, Dataset
from preprocessing.dataset.index import INDEX, MEND, read_dropped
from preprocessing.quality.check.counts import compare
from preprocessing.quality.check.index import Columns, read_index
from preprocessing.quality.check.manifest import read_manifest
from preprocessing.quality.check.report import Report, counted


def read_folder(report: Report) -> Dataset | None:
    """Read all files, telling the report what is wrong with them.

    Returns:
        The dataset, or None if images, index and classes do not fit together.
    """
    path = report.path
    if not path.is_dir():
        report.error(f"no prepared dataset at {path}: there is no such folder")
        return None
    for name in FILES:
        if not (path / name).is_file():
            report.error(f"{name} is missing; {MEND}")
    manifest = read_manifest(path, report)
    images = _images(path, report)
    columns = read_index(path / INDEX, manifest.get("classes"), report)
    dropped = _dropped(path / DROPPED, report)
    compare(manifest, images, columns, dropped, report)
    _facts(manifest, images, columns, report)
    if images is None or columns is None or columns.labels is None or len(images) != len(columns):
        return None
    manifest = {"dataset": "unnamed", "fingerprint": "", **manifest}
    return Dataset(path, images, columns.labels, columns.splits, columns.subjects, manifest)


def _images(path: Path, report: Report) -> np.ndarray | None:
    file = path / IMAGES
    if not file.is_file():
        return None
    try:
        images = np.lib.format.open_memmap(file, mode="r")
    except Exception as error:  # NumPy stumbles over a damaged header in many ways
        report.error(f"{IMAGES} is not a readable array ({error}); {MEND}")
        return None
    if images.dtype != np.uint8 or images.ndim != 4 or not images.flags.c_contiguous:
        report.error(
            f"{IMAGES} is {images.dtype} with {images.ndim} axes, expected uint8 "
            f"(n, height, width, channels) in C order; {MEND}"
        )
    elif surplus := file.stat().st_size - images.offset - images.nbytes:
        report.error(
            f"{IMAGES} has {counted(surplus, 'byte')} more than its {len(images):,} images; {MEND}"
        )
    elif not images.size:
        report.error(f"{IMAGES} has the shape {images.shape}: there is no image in it; {MEND}")
    else:
        return images
    return None


def _dropped(path: Path, report: Report) -> Counter[str] | None:
    """Number of items by reason, None if the file is damaged."""
    if not path.is_file():
        return None
    try:
        return Counter(item.reason for item in read_dropped(path))
    except ValueError as error:
        report.error(str(error))
    except OSError as error:
        report.error(f"{DROPPED} cannot be read ({error}); {MEND}")
    return None


def _facts(
    manifest: dict[str, Any], images: np.ndarray | None, columns: Columns | None, report: Report
) -> None:
    report.facts["manifest"] = manifest
    if images is not None:
        report.facts["shape"] = images.shape
    if columns is not None:
        report.facts["columns"] = columns.header
        report.facts["boxes"] = columns.boxes
        report.facts["subjects"] = len(set(columns.subjects.tolist()) - {""})
        if columns.labels is not None:
            report.facts["counts"] = columns.counts(manifest["classes"])
