"""The schemes: by official parts, by whole groups, by subject, and the published random split."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from preprocessing.dataset.folder import Dataset
from preprocessing.sources import SPLITS
from preprocessing.splits.base import LEFT_OUT, SCHEMES, InapplicableError, register
from preprocessing.splits.groups import UNKNOWN, deal, groups, shared


@register(
    "official",
    promise="the parts that the dataset's authors published; if one of validation and test is "
    "missing, the other is the test part, and a fifth of train, in whole groups, is validation",
)
def official(dataset: Dataset, seed: int = 0) -> np.ndarray:
    """Splits by the split column, and divides the train part if that says only two parts.

    Whichever of validation and test the dataset has is then the test part. A fifth of train becomes
    the validation part, by whole subjects, sequences and photographs. `seed` has no other effect.

    Raises:
        InapplicableError: the dataset has no train part or nothing else, or too few groups in it.
    """
    sides = np.full(len(dataset), LEFT_OUT, np.int64)
    for side, name in enumerate(SPLITS):
        sides[dataset.splits == name] = side
    empty = [name for side, name in enumerate(SPLITS) if not (sides == side).any()]
    if not empty:
        return sides
    if len(empty) > 1 or "train" in empty:
        raise InapplicableError(
            f"{dataset.name} at {dataset.path} has no official {' and no '.join(empty)} part. "
            "Choose another split, or prepare a complete copy of the dataset."
        )
    sides[held_out(dataset)] = SPLITS.index("test")
    train = dataset.splits == "train"
    sides[train] = _deal_some(dataset, train, (4, 1), "official", seed)
    return sides


def held_out(dataset: Dataset) -> np.ndarray:
    """Returns which images no split may train on because their part is known, bool (n,).

    It is the test part, or without one the validation part; none if the dataset has no train part.
    """
    if not (dataset.splits == "train").any():
        return np.zeros(len(dataset), bool)
    test = dataset.splits == "test"
    return test if test.any() else dataset.splits == "validation"


def what_was_divided(dataset: Dataset) -> list[str]:
    """Says in a sentence which parts `official` uses if the dataset has only two, else nothing."""
    given = [name for name in SPLITS if (dataset.splits == name).any()]
    if len(given) != 2 or "train" not in given or SCHEMES["official"].why_not(dataset):
        return []
    sides = SCHEMES["official"].sides(dataset)
    train, validation, test = (int((sides == side).sum()) for side in range(len(SPLITS)))
    people = "by whole subjects" if (dataset.subjects != "").any() else "at random"
    absent = "validation" if given[1] == "test" else "test"
    return [
        f"The dataset has no {absent} part: in the split official, the {test:,} images of its "
        f"{given[1]} part are the test part, and {validation:,} of the {train + validation:,} "
        f"images of its train part are the validation part, {people}."
    ]


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

    Test is the official validation and test parts, or a random 20 % of each class if the dataset
    has no such parts. Sizes are rounded class by class as in the published code: 20,099 / 8,610 /
    7,178 images for FER2013, 45 test images for JAFFE. Subjects, sequences and copies may be on
    both sides.

    Raises:
        InapplicableError: all images are of the train part.
    """
    if (dataset.splits == "train").all():
        raise InapplicableError(
            f"published needs images to test on; all images of {dataset.name} at {dataset.path} "
            "are of the train part. Choose another split."
        )
    inside = ~np.isin(dataset.splits, ("validation", "test"))
    if (dataset.splits != "").all() or held_out(dataset).any():
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


@register(
    "hold-out",
    grouped=True,
    promise="60/20/20 of every class; a known test part stays the test part, the rest is divided "
    f"75/25; {_PROMISE}",
)
def hold_out(dataset: Dataset, seed: int = 0) -> np.ndarray:
    """Splits 60/20/20 into train, validation and test, as closely as whole groups allow.

    If the dataset says what to test on, see `held_out`, that is the test part and the rest is
    divided 75/25, without the images of groups that the test part has.

    Raises:
        InapplicableError: fewer than three groups, or fewer than two outside a known test part.
    """
    test = held_out(dataset)
    if not test.any():
        return deal(_enough(dataset, 3, "hold-out"), dataset.labels, (3, 1, 1), seed)
    group = groups(dataset)
    rest = ~np.isin(group, group[test])
    sides = np.where(test, SPLITS.index("test"), LEFT_OUT)
    sides[rest] = _deal_some(dataset, rest, (3, 1), "hold-out", seed)
    return sides


def _deal_some(
    dataset: Dataset, rows: np.ndarray, shares: tuple[int, ...], name: str, seed: int
) -> np.ndarray:
    """Deals whole groups of some rows, bool (n,); returns the part of each of them.

    Raises:
        InapplicableError: fewer groups than parts.
    """
    found, group = np.unique(groups(dataset)[rows], return_inverse=True)
    if len(found) < len(shares):
        raise InapplicableError(
            f"{name} needs at least {len(shares)} groups of training images that share no subject, "
            f"sequence or photograph; {dataset.name} at {dataset.path} has {len(found)} outside "
            "its test part. Choose another split, or add images."
        )
    return deal(group.ravel(), dataset.labels[rows], shares, seed)


@register(
    "5-fold",
    folds=True,
    grouped=True,
    promise=(
        "every image is tested once, also those of known parts; every class is spread evenly over "
        f"the folds; {_PROMISE}"
    ),
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
