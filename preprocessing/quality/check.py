"""Verify a prepared dataset: are its files whole, do they agree, and what deserves caution?

`check(path)` returns a `CheckReport`. Damage is listed in its errors and never raised; its warnings
list what is sound but deserves caution.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from attention_fer.common.files import sha256
from attention_fer.common.progress import Track, untracked
from preprocessing.dataset.folder import Contents, Dataset, read_folder
from preprocessing.dataset.index import INDEX, REPAIR_HINT, Index, read_dropped
from preprocessing.dataset.manifest import DROPPED, HASHED, IMAGES, MANIFEST, short
from preprocessing.quality.leakage import check_splits
from preprocessing.quality.report import NONE_LEFT, CheckReport, counted
from preprocessing.quality.survey import blur_warning, survey_images

__all__ = ["CheckReport", "check"]


def check(path: str | Path, track: Track = untracked) -> CheckReport:
    """Reads everything in a prepared folder and compares each part with the others.

    Args:
        path: the folder.
        track: `track(images, what, total, done)` wraps the images to show progress.

    Returns:
        The errors, the warnings, and facts for `data_card.render`.
    """
    report = CheckReport(Path(path))
    try:
        contents = read_folder(report.path, lambda problem: report.error(str(problem)))
        _collect_facts(contents, report)
        if not report.path.is_dir():
            return report
        for text in contents.manifest.get("warnings", []):
            report.doubts.append(text)
            report.warn(text)
        check_counts(contents, report)
        changed = _changed_files(contents)
        dataset = contents.dataset()
        if dataset is None:
            report.warn("Images, fingerprint and splits were not compared. Fix the errors first.")
        else:
            copies = check_images(dataset, report, track)
            check_splits(dataset, copies, report, changed)
        _report_changed(changed, report)
    except (OSError, ValueError) as error:  # a disk may fail, a file change at any moment
        report.error(f"{report.path} could not be read to the end: {error}")
    return report


def _collect_facts(contents: Contents, report: CheckReport) -> None:
    manifest, index = contents.manifest, contents.index
    report.facts["manifest"] = manifest
    if contents.images is not None:
        report.facts["shape"] = contents.images.shape
    if index is not None:
        report.facts["columns"] = index.header
        report.facts["boxes"] = index.boxes
        report.facts["subjects"] = len(set(index.subjects.tolist()) - {""})
        if index.labels is not None:
            report.facts["counts"] = index.counts(manifest["classes"])


def _changed_files(contents: Contents) -> set[str]:
    """Names of the files whose bytes differ from the manifest, or that it does not list.

    The fingerprint covers what a network learns from: images, labels, subjects, splits and further
    columns. Sources, boxes, scores, dropped items and the sides of each split are covered by the
    hashes of their files. Raises OSError.
    """
    recorded = contents.manifest.get("files", {})
    there = [name for name in HASHED if (contents.path / name).is_file()]
    return {name for name in there if sha256(contents.path / name) != recorded.get(name)}


def _report_changed(changed: set[str], report: CheckReport) -> None:
    """Reports changed files, except those with a more specific error."""
    if "files" not in report.facts["manifest"]:
        return  # this is an error already, and nothing can be said of any file
    for name in HASHED:
        if name in changed and not any(error.startswith(name) for error in report.errors):
            report.error(f"{name} was changed after it was prepared. {REPAIR_HINT}")


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


IMBALANCE = 10
"""At this ratio of the largest class to the smallest, accuracy says little about the smallest."""


def check_images(dataset: Dataset, report: CheckReport, track: Track) -> list[np.ndarray]:
    """Recomputes fingerprint and quality in one pass.

    Returns:
        Groups of rows whose images are byte-identical.
    """
    survey, fingerprint = survey_images(dataset, track)
    report.facts["fingerprint"] = fingerprint
    report.facts["quality"] = quality = survey.report(dataset)
    if fingerprint != dataset.fingerprint:
        report.error(
            f"Images or index have changed since they were prepared: they hash to {fingerprint}, "
            f"{MANIFEST} says {dataset.fingerprint or 'nothing'}. {REPAIR_HINT}"
        )
    _check_quality(quality, report)
    _check_balance(dataset, report)
    return survey.copies()


def _check_quality(quality: dict[str, Any], report: CheckReport) -> None:
    flat, mixed = quality["flat"], quality["conflicting_labels"]
    if flat["images"]:
        report.warn(
            f"{counted(flat['images'], 'flat image')} with little more than one grey level, e.g. "
            f"{flat['examples'][0]}; --drop-flat leaves them out."
        )
    if mixed["groups"]:
        example = ", ".join(mixed["examples"][0][:3])
        report.warn(
            f"{counted(mixed['groups'], 'group')} of byte-identical images with conflicting "
            f"labels, e.g. {example}."
        )
    if blurred := blur_warning(quality["sharpness"]):
        report.warn(blurred)


def _check_balance(dataset: Dataset, report: CheckReport) -> None:
    numbers = np.bincount(dataset.labels, minlength=len(dataset.classes))
    most, least = int(numbers.argmax()), int(numbers.argmin())
    if not numbers[least]:
        for name in (c for c, n in zip(dataset.classes, numbers, strict=True) if not n):
            report.warn(NONE_LEFT.format(name))
    elif numbers[most] >= IMBALANCE * numbers[least]:
        report.warn(
            f"The classes are unbalanced: {counted(numbers[most], 'image')} of "
            f"{dataset.classes[most]}, {numbers[least]:,} of {dataset.classes[least]}. Accuracy "
            "says little about the latter; look at macro F1 too."
        )
