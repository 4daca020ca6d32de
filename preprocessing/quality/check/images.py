"""The images of a prepared folder: whether they have changed, and their quality."""

from __future__ import annotations

from typing import Any

import numpy as np

from attention_fer.common.progress import Track
from preprocessing.dataset.folder import Dataset
from preprocessing.dataset.index import REPAIR_HINT
from preprocessing.dataset.manifest import MANIFEST
from preprocessing.quality.check.report import CheckReport, counted
from preprocessing.quality.sharpness import blur_warning
from preprocessing.quality.survey import survey_images

IMBALANCE = 10
"""At this ratio of the largest class to the smallest, accuracy says little of the smallest."""


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
            f"{counted(flat['images'], 'flat image')} of hardly more than one grey level, e.g. "
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
        absent = [name for name, n in zip(dataset.classes, numbers, strict=True) if not n]
        report.warn(f"No image of {', '.join(absent)}.")
    elif numbers[most] >= IMBALANCE * numbers[least]:
        report.warn(
            f"The classes are unbalanced: {counted(numbers[most], 'image')} of "
            f"{dataset.classes[most]}, {numbers[least]:,} of {dataset.classes[least]}. Accuracy "
            "says little of the latter; look at macro F1 too."
        )
