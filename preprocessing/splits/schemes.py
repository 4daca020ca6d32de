"""The schemes: by official parts, by whole groups, by subject, and the published random split."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from preprocessing.dataset.folder import Dataset
from preprocessing.sources import SPLITS
from preprocessing.splits.base import LEFT_OUT, InapplicableError, register
from preprocessing.splits.groups import UNKNOWN, deal, groups, shared


@register("official", promise="the parts that the dataset's authors published")
def official(dataset: Dataset, seed: int = 0) -> np.ndarray:
    """Splits by the split column; `seed` has no effect.

    Raises:
        InapplicableError: the dataset lacks one of the parts.
    """
    sides = np.full(len(dataset), LEFT_OUT, np.int64)
    for side, name in enumerate(SPLITS):
        sides[dataset.splits == name] = side
    empty = [name for side, name in enumerate(SPLITS) if not (sides == side).any()]
    if empty:
        raise InapplicableError(
            f"{dataset.name} at {dataset.path} has no official {' and no '.join(empty)} part. "
            "Choose another split, or prepare a complete copy of the dataset."
        )
    return sides


@register(
    "test-parts",
    promise="the official validation and test parts divided 60/20/20 class by class, for a copy "
    "whose training part is not comparable; people and copies may be on both sides",
)
def test_parts(dataset: Dataset, seed: int = 0) -> np.ndarray:
    """Splits each class of the official validation and test parts 60/20/20 at random.

    The official training part is not used. For copies of a dataset whose training images are not
    comparable with the others, see `preprocessing.quality.survey.sharpness`.

    Raises:
        InapplicableError: the dataset has no official validation and test parts.
    """
    rest = np.flatnonzero(np.isin(dataset.splits, ("validation", "test")))
    if not len(rest):
        raise InapplicableError(
            f"{dataset.name} at {dataset.path} has no official validation and test parts to "
            "divide. Choose another split."
        )
    train, test = _take(dataset.labels, rest, lambda n: n // 5, seed)
    train, validation = _take(dataset.labels, train, lambda n: n // 4, seed)
    sides = np.full(len(dataset), LEFT_OUT, np.int64)
    for side, rows in enumerate((train, validation, test)):
        sides[rows] = side
    return sides


@register(
    "published",
    promise="the published sizes, 80/20 and 30 % of each class of train as validation; people, "
    "frames of one sequence and copies are on both sides: its figures are too good",
)
def published(dataset: Dataset, seed: int = 0) -> np.ndarray:
    """Splits as the published experiments did, with 30 % of each class of train as validation.

    Test is the official validation and test parts, or a random 20 % of each class if an image has
    no official part. Sizes are rounded class by class as in the published code: 20,099 / 8,610 /
    7,178 images for FER2013, 45 test images for JAFFE. Subjects, sequences and copies may be on
    both sides.
    """
    if (dataset.splits != "").all():
        inside = dataset.splits == "train"
        train, test = np.flatnonzero(inside), np.flatnonzero(~inside)
    else:
        everything = np.arange(len(dataset))
        train, test = _take(dataset.labels, everything, lambda n: -(-n // 5), seed)
    _, validation = _take(dataset.labels, train, lambda n: n * 3 // 10, seed)
    sides = np.zeros(len(dataset), np.int64)
    sides[validation], sides[test] = 1, 2
    return sides


def _take(
    labels: np.ndarray, rows: np.ndarray, count: Callable[[int], int], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Takes random rows of each class, `count(class size)` of them. Returns (rest, taken)."""
    # Imported here, since stored splits are read without scikit-learn.
    from sklearn.model_selection import train_test_split

    taken = [rows[:0]]
    for label in np.unique(labels[rows]):
        members = rows[labels[rows] == label]
        size = count(len(members))
        if 0 < size < len(members):
            taken.append(train_test_split(members, test_size=size, random_state=seed)[1])
    chosen = np.sort(np.concatenate(taken))
    return np.setdiff1d(rows, chosen), chosen


_PROMISE = "no subject where known, no sequence and no photograph is on two sides"


@register("hold-out", grouped=True, promise=f"60/20/20 of every class; {_PROMISE}")
def hold_out(dataset: Dataset, seed: int = 0) -> np.ndarray:
    """Splits 60/20/20 into train, validation and test, as closely as whole groups allow.

    Raises:
        InapplicableError: fewer than three groups.
    """
    return deal(_enough(dataset, 3, "hold-out"), dataset.labels, (3, 1, 1), seed)


@register(
    "5-fold",
    folds=True,
    grouped=True,
    promise=f"every image is tested once, every class in every fold alike; {_PROMISE}",
)
def five_fold(dataset: Dataset, seed: int = 0) -> np.ndarray:
    """Makes five folds of equal size and class balance, as closely as whole groups allow.

    Raises:
        InapplicableError: fewer than five groups.
    """
    return deal(_enough(dataset, 5, "5-fold"), dataset.labels, (1,) * 5, seed)


def _enough(dataset: Dataset, least: int, name: str) -> np.ndarray:
    """Returns the group of each row. Raises InapplicableError for fewer than `least` groups."""
    group = groups(dataset)
    count = int(group.max()) + 1
    if count < least:
        raise InapplicableError(
            f"{name} needs at least {least} groups of images that share no subject, sequence or "
            f"photograph; {dataset.name} at {dataset.path} has {count}. "
            "Choose another split, or add images."
        )
    return group


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
    from sklearn.model_selection import GroupKFold

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
