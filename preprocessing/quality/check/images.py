"""The images of a prepared folder: whether they are those that were prepared, and how good."""

from __future__ import annotations

from typing import Any

import numpy as np

from preprocessing.dataset.fingerprint import Fingerprint
from preprocessing.dataset.folder import IMAGES, MANIFEST, Dataset, identity, stream
from preprocessing.dataset.index import MEND
from preprocessing.quality.check.report import Report, counted
from preprocessing.quality.sharpness import unlike
from preprocessing.quality.survey import Survey
from preprocessing.tracking import Track

IMBALANCE = 10
"""From this ratio of the largest class to the smallest on, accuracy says little of the smallest."""


def check_images(dataset: Dataset, report: Report, track: Track) -> list[np.ndarray]:
    """Recompute fingerprint and quality in one pass.

    Returns:
        Groups of rows whose images are byte-identical.
    """
    survey, content = Survey(), Fingerprint(dataset.classes)
    images = track(stream(dataset.path / IMAGES), "checking", len(dataset), 0)
    for image, cells in zip(images, identity(dataset), strict=True):
        survey.add(image)
        content.add(image, *cells)
    report.facts["fingerprint"] = content.hexdigest()
    report.facts["quality"] = quality = survey.report(dataset)
    if content.hexdigest() != dataset.fingerprint:
        report.error(
            f"images or index have changed since they were prepared: they hash to "
            f"{content.hexdigest()}, {MANIFEST} says {dataset.fingerprint or 'nothing'}; {MEND}"
        )
    _caution(quality, report)
    _balance(dataset, report)
    return survey.copies()


def _caution(quality: dict[str, Any], report: Report) -> None:
    flat, mixed = quality["flat"], quality["conflicting_labels"]
    if flat["images"]:
        report.warn(
            f"{counted(flat['images'], 'flat image')}, of hardly more than one grey level, e.g. "
            f"{flat['examples'][0]}: --drop-flat leaves them out"
        )
    if mixed["groups"]:
        example = ", ".join(mixed["examples"][0][:3])
        report.warn(
            f"{counted(mixed['groups'], 'group')} of byte-identical images with conflicting "
            f"labels, e.g. {example}"
        )
    if blurred := unlike(quality["sharpness"]):
        report.warn(blurred)


def _balance(dataset: Dataset, report: Report) -> None:
    numbers = np.bincount(dataset.labels, minlength=len(dataset.classes))
    most, least = int(numbers.argmax()), int(numbers.argmin())
    if not numbers[least]:
        absent = [name for name, n in zip(dataset.classes, numbers, strict=True) if not n]
        report.warn(f"no image of {', '.join(absent)}")
    elif numbers[most] >= IMBALANCE * numbers[least]:
        report.warn(
            f"the classes are unbalanced: {counted(numbers[most], 'image')} of "
            f"{dataset.classes[most]}, {numbers[least]:,} of {dataset.classes[least]}: accuracy "
            "says little of the latter, look at macro F1 too"
        )
