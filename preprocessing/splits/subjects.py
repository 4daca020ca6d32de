"""Splits by subject, for datasets that name the subject of every image."""

from __future__ import annotations

import numpy as np
from sklearn.model_selection import GroupKFold

from preprocessing.dataset.folder import Dataset
from preprocessing.splits.base import InapplicableError, register
from preprocessing.splits.groups import UNKNOWN, groups, shared

FOLDS = 10


@register(
    "subject-10fold",
    folds=True,
    grouped=True,
    promise="GroupKFold(10) by subject, the protocol of CK+: every image is tested once, no "
    "subject, sequence or photograph is on two sides",
)
def subject_10fold(dataset: Dataset, seed: int = 0) -> np.ndarray:
    """Makes the folds of `sklearn.model_selection.GroupKFold(10)`; `seed` has no effect.

    Classes are not balanced over the folds, as in the published results it reproduces.

    Raises:
        InapplicableError: a subject is unknown, or there are fewer than ten.
    """
    _, joined = _people(dataset, FOLDS, "subject-10fold")
    sides = np.empty(len(dataset), np.int64)
    rows = np.zeros(len(dataset))
    for fold, (_, test) in enumerate(GroupKFold(FOLDS).split(rows, groups=joined)):
        sides[test] = fold
    return sides


@register(
    "loso",
    folds=True,
    grouped=True,
    promise="leave one subject out, the protocol of JAFFE: each subject is tested once by networks "
    "that never saw them; the next subject chooses the epoch",
)
def loso(dataset: Dataset, seed: int = 0) -> np.ndarray:
    """Makes a fold for each subject, in sorted order; `seed` has no effect.

    Raises:
        InapplicableError: a subject is unknown, there are fewer than three, or two share a
            photograph or a sequence.
    """
    subjects, joined = _people(dataset, 3, "loso")
    if joined.max() != subjects.max():
        raise InapplicableError(
            f"loso cannot divide {dataset.name} at {dataset.path}: {_pair(dataset, joined)} share "
            "a photograph or a sequence, which would be on both sides. Choose subject-10fold, "
            "5-fold or hold-out, which keep them together."
        )
    return subjects


def _people(dataset: Dataset, least: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns the subject and the group of each row.

    Raises:
        InapplicableError: a subject is unknown, or there are fewer than `least`.
    """
    subjects = shared(dataset, "subject")
    missing = int((subjects == UNKNOWN).sum())
    if missing:
        raise InapplicableError(
            f"{name} needs the subject of every image; {dataset.name} at {dataset.path} lacks it "
            f"for {missing:,} of {len(dataset):,} images. Choose hold-out or 5-fold."
        )
    joined = groups(dataset)
    people, apart = int(subjects.max()) + 1, int(joined.max()) + 1
    if apart < least:
        why = "" if apart == people else f", and {apart:,} groups that share no photograph"
        raise InapplicableError(
            f"{name} needs at least {least} subjects; {dataset.name} at {dataset.path} has "
            f"{people:,}{why}. Choose another split."
        )
    return subjects, joined


def _pair(dataset: Dataset, joined: np.ndarray) -> str:
    """Names two subjects of one group."""
    for group in range(int(joined.max()) + 1):
        people = np.unique(dataset.subjects[joined == group])
        if len(people) > 1:
            return f"the subjects {people[0]} and {people[1]}"
    raise AssertionError("every group shows one subject")
