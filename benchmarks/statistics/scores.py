"""Scores of a network's predictions on test images, and their mean and spread over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

BINS = 15


@dataclass(frozen=True)
class ClassificationScores:
    """Scores on test images; shares lie between 0 and 1.

    Attributes:
        n_test: test images.
        accuracy: share predicted correctly.
        macro_f1: mean F1 over all classes; 0 for a class that is neither present nor predicted.
        balanced_accuracy: mean recall over the classes with test images.
        recall: by class; None for a class without test images.
        confusion: image counts, a row per true class and a column per predicted class.
        loss: mean negative log likelihood, in nats.
        calibration: expected calibration error, see `calibration_error`.
        n_without_duplicates: number of test images that duplicate no other image; None if unknown.
        accuracy_without_duplicates: accuracy on these; None if unknown or if none is left.
    """

    n_test: int
    accuracy: float
    macro_f1: float
    balanced_accuracy: float
    recall: tuple[float | None, ...]
    confusion: tuple[tuple[int, ...], ...]
    loss: float
    calibration: float
    n_without_duplicates: int | None = None
    accuracy_without_duplicates: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """The scores by name, ready for JSON."""
        return asdict(self)


def score(
    probabilities: np.ndarray, labels: np.ndarray, duplicate: np.ndarray | None = None
) -> ClassificationScores:
    """Computes all scores of a network's predictions.

    Args:
        probabilities: (n, classes); of equal maxima the first is the prediction.
        labels: (n,) true classes.
        duplicate: (n,) whether each image duplicates another; None if unknown.

    Raises:
        ValueError: shapes do not match, there is no image, a label is not a class, or a row is
            not a probability distribution.
    """
    probabilities, labels = checked(probabilities, labels)
    predicted = probabilities.argmax(axis=1)
    right = predicted == labels
    # From the counts: scikit-learn gives the same but spends 25 times as long checking its input.
    table = _confusion(labels, predicted, probabilities.shape[1])
    hits, images, guesses = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    present = images > 0
    found = hits / np.maximum(images, 1)
    f1 = 2 * hits / np.maximum(images + guesses, 1)
    kept = _without_duplicates(right, duplicate)
    return ClassificationScores(
        n_test=len(labels),
        accuracy=float(right.mean()),
        macro_f1=float(f1.mean()),
        balanced_accuracy=float(found[present].mean()),
        recall=tuple(float(r) if there else None for r, there in zip(found, present, strict=True)),
        confusion=tuple(tuple(row) for row in table.tolist()),
        loss=_log_loss(labels, probabilities),
        calibration=calibration_error(probabilities.max(axis=1), right),
        n_without_duplicates=None if kept is None else len(kept),
        accuracy_without_duplicates=None if kept is None or not len(kept) else float(kept.mean()),
    )


def mean_and_sd(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation; the latter is None for a single value.

    Raises:
        ValueError: there is no value, or one that is not finite.
    """
    scores = np.asarray(values, float)
    if scores.ndim != 1 or not scores.size or not np.isfinite(scores).all():
        raise ValueError(f"values must be one or more finite numbers, got {values}.")
    return float(scores.mean()), float(scores.std(ddof=1)) if len(scores) > 1 else None


def _confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    pairs = labels.astype(np.int64) * classes + predicted
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def _log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean over the images; a probability of 0 is clipped to the smallest step above it."""
    least = np.finfo(probabilities.dtype).eps if probabilities.dtype.kind == "f" else 1e-16
    given = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(given, least, 1 - least), dtype=np.float64).mean())


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error: mean distance between confidence and accuracy over bins.

    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger (2017), On calibration of modern neural networks,
    https://arxiv.org/abs/1706.04599. Fifteen bins of equal width, each open below and closed
    above.

    Args:
        confidence: (n,) largest probability for each image.
        right: (n,) whether that class is the true one.
    """
    edges = np.linspace(0, 1, BINS + 1)
    # Rounding may leave a confidence just above 1, which belongs to the last bin.
    index = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, BINS - 1)
    # A bin's share times its difference of means equals its summed differences over n.
    gaps = np.bincount(index, weights=np.asarray(right, float) - confidence, minlength=BINS)
    return float(np.abs(gaps).sum() / len(index))


def _without_duplicates(right: np.ndarray, duplicate: np.ndarray | None) -> np.ndarray | None:
    if duplicate is None:
        return None
    duplicate = np.asarray(duplicate, bool)
    if duplicate.shape != right.shape:
        raise ValueError(f"duplicate must have shape {right.shape}, got {duplicate.shape}.")
    return right[~duplicate]


def checked(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays. Raises ValueError as `score` does."""
    probabilities, labels = np.asarray(probabilities), np.asarray(labels)
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1] or not len(labels):
        raise ValueError(
            "probabilities must be (n, classes) and labels (n,) with n at least 1, got "
            f"{probabilities.shape} and {labels.shape}."
        )
    # Low precision leaves sums a few thousandths off 1; logits are much further off.
    sums = probabilities.sum(axis=1, dtype=float)
    if not (probabilities >= 0).all() or not np.allclose(sums, 1, rtol=0, atol=0.01):
        raise ValueError("probabilities must be at least 0 and sum to 1 for every image.")
    if not np.isin(labels, np.arange(probabilities.shape[1])).all():
        raise ValueError(
            f"labels must be classes from 0 to {probabilities.shape[1] - 1}, got "
            f"{labels.min()} to {labels.max()}."
        )
    return probabilities, labels
