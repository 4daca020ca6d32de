"""Finds possible mistakes in a newly prepared dataset from its index alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from preprocessing.dataset.folder import Dataset
from preprocessing.quality.report import counted
from preprocessing.sources import SPLITS, Doubt


def doubts(dataset: Dataset, *, people_matter: bool) -> Iterator[Doubt]:
    """Yields a sentence each on a single class with images, on missing classes, and on people.

    Args:
        dataset: its index.
        people_matter: whether people can be told apart in its images, so that someone should.
    """
    present = [dataset.classes[label] for label in np.unique(dataset.labels)]
    if len(present) < 2 <= len(dataset.classes):
        yield Doubt(f"All images are of one class, {present[0]}: nothing can be learned from it.")
    yield from _missing_classes(dataset)
    known = dataset.subjects != ""
    if people_matter and not known.any():
        yield Doubt(
            "The people in the images are unknown, so images of one person may be on both sides "
            "of a split. Give the subjects if you can, with --subject-pattern or in a table."
        )
    people = {part: set(dataset.subjects[known & (dataset.splits == part)]) for part in SPLITS}
    trained = people.pop("train")
    for part, others in people.items():
        if both := sorted(trained & others):
            yield Doubt(
                f"The train and the {part} part share {counted(len(both), 'subject')}, e.g. "
                f"{both[0]}: a network may recognise the person instead of the expression."
            )


def _missing_classes(dataset: Dataset) -> Iterator[Doubt]:
    """Yields a sentence for each part without any image of a class that another part has.

    A part with fewer images than classes cannot have all; only in train does it matter even then.
    """
    of_part = {part: dataset.labels[dataset.splits == part].tolist() for part in SPLITS}
    present = {label for labels in of_part.values() for label in labels}
    for part, labels in of_part.items():
        missing = sorted(present - set(labels))
        if missing and labels and (part == "train" or len(labels) >= len(present)):
            names = ", ".join(repr(dataset.classes[label]) for label in missing)
            yield Doubt(
                f"The {part} part has no image of {names}. If the parts spell a class differently, "
                "give it one name."
            )
