"""Resampling and class weights for imbalanced datasets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from attention_fer.common.checks import one_of


def draw(
    labels: np.ndarray, kind: str, rng: np.random.Generator, beta: float = 0.999
) -> np.ndarray:
    """Return the rows of one epoch, shuffled.

    Args:
        labels: class of each image, (n,), integers from 0.
        kind: `"inverse-frequency"`: n draws with replacement, each class expected equally often;
            `"class-balanced"`: n draws with replacement, an image's weight is the inverse of its
            class's effective number (Cui et al. 2019, https://arxiv.org/abs/1901.05555);
            `"over"`: every class oversampled to the largest; `"under"`: every class undersampled
            to the smallest; `"median"`: every class resampled to the median size, rounded down.
            The last three draw without replacement; when oversampled, the counts of the images of
            a class differ by at most one.
        rng: its state advances; the same state gives the same rows.
        beta: parameter of `"class-balanced"`, in [0, 1): 0 draws all images with equal probability,
            and towards 1 it becomes `"inverse-frequency"`.

    Returns:
        Indices into `labels`. Classes without an image are ignored.

    Raises:
        ValueError: an unknown kind, no labels, negative or fractional ones, or beta out of range.
    """
    counts = _counts(labels)
    if one_of("kind of sampling", kind, KINDS) in SIZES:
        size = SIZES[kind](counts[counts > 0])
        return rng.permutation(
            np.concatenate([_resized(rows, size, rng) for rows in _rows(labels)])
        )
    shares = _shares(counts, kind, beta)
    weights = (shares / np.maximum(counts, 1))[labels]
    return rng.choice(len(labels), len(labels), p=weights / weights.sum())


def class_weights(
    labels: np.ndarray, classes: int, kind: str = "balanced", beta: float = 0.999
) -> np.ndarray:
    """Return the weight of each class in the loss: float64 (classes,), 0 for one without an image.

    Args:
        labels: class of each training image, (n,), integers from 0.
        classes: number of classes.
        kind: `"balanced"`: n / (classes present * count), as scikit-learn does, whose mean over
            the images is 1; `"effective"`: (1 - beta) / (1 - beta ** count), scaled to sum to the
            number of classes present (Cui et al. 2019, https://arxiv.org/abs/1901.05555).
        beta: parameter of `"effective"`, in [0, 1).

    Raises:
        ValueError: an unknown kind, no labels, a label out of range, or beta out of range.
    """
    counts = _counts(labels, classes)
    present = counts > 0
    if one_of("kind of class weights", kind, WEIGHTS) == "effective":
        weights = _effective(counts, beta)
        return weights * present.sum() / weights.sum()
    return np.where(present, counts.sum() / (present.sum() * np.maximum(counts, 1)), 0.0)


def _counts(labels: np.ndarray, classes: int = 0) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.ndim != 1 or not len(labels) or labels.dtype.kind not in "iu" or labels.min() < 0:
        raise ValueError(
            f"labels must be a non-empty 1-D array of integers of at least 0, got shape "
            f"{labels.shape} of {labels.dtype}{f' from {labels.min()}' if labels.size else ''}."
        )
    if classes and labels.max() >= classes:
        raise ValueError(f"labels must be below the {classes} classes, got {labels.max()}.")
    return np.bincount(labels, minlength=classes)


def _rows(labels: np.ndarray) -> list[np.ndarray]:
    return [np.flatnonzero(labels == label) for label in np.unique(labels)]


def _resized(rows: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    whole, rest = divmod(size, len(rows))
    return np.concatenate([np.tile(rows, whole), rng.choice(rows, rest, replace=False)])


def _shares(counts: np.ndarray, kind: str, beta: float) -> np.ndarray:
    """The probability of each class in a draw with replacement."""
    weights = _effective(counts, beta) * counts if kind == "class-balanced" else counts > 0
    return np.asarray(weights / weights.sum(), "float64")


def _effective(counts: np.ndarray, beta: float) -> np.ndarray:
    if not 0 <= beta < 1:
        raise ValueError(f"beta must be from 0 to below 1, got {beta}.")
    # 1 - beta ** count without cancellation for a beta near 1.
    number = -np.expm1(np.maximum(counts, 1) * np.log(beta)) if beta else np.ones(len(counts))
    return np.where(counts > 0, (1 - beta) / number, 0.0)


SIZES: dict[str, Callable[[np.ndarray], int]] = {
    "over": lambda counts: int(counts.max()),
    "under": lambda counts: int(counts.min()),
    "median": lambda counts: int(np.median(counts)),
}
KINDS = ("inverse-frequency", "class-balanced", *SIZES)
WEIGHTS = ("balanced", "effective")
