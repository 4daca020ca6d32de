"""Every number that two files of a prepared folder give must be the same in both."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from preprocessing.dataset.folder import Contents
from preprocessing.dataset.index import INDEX, REPAIR_HINT, Index, read_dropped
from preprocessing.dataset.manifest import DROPPED, IMAGES, MANIFEST, short
from preprocessing.quality.check.report import CheckReport


def check_counts(contents: Contents, report: CheckReport) -> None:
    """Reports every number that differs, as far as the files that give it are readable."""
    manifest, images, index = contents.manifest, contents.images, contents.index
    if images is not None and manifest.get("image_shape") not in (None, list(images.shape[1:])):
        report.error(
            f"{MANIFEST} says image_shape {short(manifest['image_shape'])}, {IMAGES} has "
            f"{list(images.shape[1:])}. {REPAIR_HINT}"
        )
    _check_dropped(manifest, _dropped(contents.path / DROPPED, report), report)
    if index is not None and index.labels is not None and "counts" in manifest:
        _check_classes(manifest, index, report)


def _dropped(path: Path, report: CheckReport) -> Counter[str] | None:
    """Number of items by reason, None if the file is missing or damaged."""
    if not path.is_file():
        return None
    try:
        return Counter(item.reason for item in read_dropped(path))
    except (ValueError, OSError) as error:
        report.error(str(error))
        return None


def _check_dropped(
    manifest: dict[str, Any], dropped: Counter[str] | None, report: CheckReport
) -> None:
    if {"seen", "used", "dropped"} <= set(manifest):
        seen, total = manifest["seen"], manifest["used"] + sum(manifest["dropped"].values())
        if total != seen:
            report.error(
                f"{MANIFEST}: seen is {seen:,}, but used and dropped make {total:,}. {REPAIR_HINT}"
            )
    recorded = manifest.get("dropped")
    if recorded is None or dropped is None:
        return
    for reason in sorted({*recorded, *dropped}):
        if recorded.get(reason, 0) != dropped[reason]:
            report.error(
                f"{MANIFEST} counts {recorded.get(reason, 0):,} items dropped as {reason!r}, "
                f"{DROPPED} has {dropped[reason]:,}. {REPAIR_HINT}"
            )


def _check_classes(manifest: dict[str, Any], index: Index, report: CheckReport) -> None:
    found = index.counts(manifest["classes"])
    recorded = manifest["counts"]
    if not isinstance(recorded, dict) or not all(isinstance(v, dict) for v in recorded.values()):
        report.error(
            f"{MANIFEST}: counts must be split -> class -> number, got {short(recorded)}. "
            f"{REPAIR_HINT}"
        )
        return
    for split in dict.fromkeys([*recorded, *found]):
        said, there = recorded.get(split, {}), found.get(split, {})
        for label in dict.fromkeys([*said, *there]):
            if said.get(label, 0) != there.get(label, 0):
                report.error(
                    f"{MANIFEST} counts {said.get(label, 0)} images of {label} in "
                    f"{split or 'no split'}, {INDEX} has {there.get(label, 0)}. {REPAIR_HINT}"
                )
