"""Every number that two files of a prepared folder give is the same in both."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from preprocessing.dataset.folder import DROPPED, IMAGES, MANIFEST
from preprocessing.dataset.index import INDEX, MEND
from preprocessing.quality.check.index import Columns
from preprocessing.quality.check.manifest import short
from preprocessing.quality.check.report import Report


def compare(
    manifest: dict[str, Any],
    images: np.ndarray | None,
    columns: Columns | None,
    dropped: Counter[str] | None,
    report: Report,
) -> None:
    """Tell the report of every number that differs; None stands for a file that is damaged."""
    _compare_images(manifest, images, columns, report)
    _compare_dropped(manifest, dropped, report)
    if columns is not None and columns.labels is not None and "counts" in manifest:
        _compare_counts(manifest, columns, report)


def _compare_images(
    manifest: dict[str, Any], images: np.ndarray | None, columns: Columns | None, report: Report
) -> None:
    numbers = {
        MANIFEST: manifest.get("used"),
        IMAGES: None if images is None else len(images),
        INDEX: None if columns is None else len(columns),
    }
    given = {name: number for name, number in numbers.items() if number is not None}
    if len(set(given.values())) > 1:
        listed = ", ".join(f"{name} {number:,}" for name, number in given.items())
        report.error(f"the number of images differs: {listed}; {MEND}")
    if images is not None and manifest.get("image_shape") not in (None, list(images.shape[1:])):
        report.error(
            f"{MANIFEST} says image_shape {short(manifest['image_shape'])}, {IMAGES} has "
            f"{list(images.shape[1:])}; {MEND}"
        )


def _compare_dropped(
    manifest: dict[str, Any], dropped: Counter[str] | None, report: Report
) -> None:
    if {"seen", "used", "dropped"} <= set(manifest):
        seen, total = manifest["seen"], manifest["used"] + sum(manifest["dropped"].values())
        if total != seen:
            report.error(f"{MANIFEST}: {seen:,} seen, but used and dropped make {total:,}; {MEND}")
    recorded = manifest.get("dropped")
    if recorded is None or dropped is None:
        return
    for reason in sorted({*recorded, *dropped}):
        if recorded.get(reason, 0) != dropped[reason]:
            report.error(
                f"{reason!r} was dropped {recorded.get(reason, 0):,} times by {MANIFEST}, "
                f"{dropped[reason]:,} times by {DROPPED}; {MEND}"
            )


def _compare_counts(manifest: dict[str, Any], columns: Columns, report: Report) -> None:
    found = columns.counts(manifest["classes"])
    recorded = manifest["counts"]
    if not isinstance(recorded, dict) or not all(isinstance(v, dict) for v in recorded.values()):
        report.error(f"{MANIFEST}: counts is {short(recorded)}, expected split -> class -> number")
        return
    for split in dict.fromkeys([*recorded, *found]):
        for label in dict.fromkeys([*recorded.get(split, {}), *found.get(split, {})]):
            said = recorded.get(split, {}).get(label, 0)
            there = found.get(split, {}).get(label, 0)
            if said != there:
                report.error(
                    f"{MANIFEST} counts {said} images of {label} in {split or 'no split'}, "
                    f"{INDEX} has {there}; {MEND}"
                )
