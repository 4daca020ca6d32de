"""Scores of one network's predictions on a test part."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

BINS = 15


@dataclass(frozen=True)
class Scores:
    """Shares lie between 0 and 1.

    Attributes:
        n_test: test images.
        accuracy: share predicted rightly.
        macro_f1: mean F1 of all classes, 0 for one that is neither there nor predicted.
        balanced_accuracy: mean recall of the classes that have a test image.
        recall: of each class; None where it has no test image.
        confusion: image counts, a row for each true and a column for each predicted class.
        loss: mean negative log likelihood, in nats.
        calibration: expected calibration error, see `calibration_error`.
        n_without_duplicates: test images that are no duplicate of another; None where not known.
        accuracy_without_duplicates: share of them predicted rightly; None where not known or none
            is left.
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
        """By name, for a JSON file."""
        return asdict(self)


def score(
    probabilities: np.ndarray, labels: np.ndarray, duplicate: np.ndarray | None = None
) -> Scores:
    """All scores of a network's predictions.

    Args:
        probabilities: (n, classes); the first of equally large ones is the prediction.
        labels: (n,) true classes.
        duplicate: (n,) whether an image is a copy of another; None where not known.

    Raises:
        ValueError: shapes that do not fit, no image, labels that are no class, or rows that are no
            probabilities.
    """
    probabilities, labels = _checked(probabilities, labels)
    predicted = probabilities.argmax(axis=1)
    right = predicted == labels
    # From the counts: scikit-learn's functions give the same, checking their input 25 times longer.
    table = _confusion(labels, predicted, probabilities.shape[1])
    hits, images, guesses = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    present = images > 0
    found = hits / np.maximum(images, 1)
    f1 = 2 * hits / np.maximum(images + guesses, 1)
    kept = _without_duplicates(right, duplicate)
    return Scores(
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


def _confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    pairs = labels.astype(np.int64) * classes + predicted
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def _log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean over the images; a probability of 0 counts as the smallest step above it."""
    least = np.finfo(probabilities.dtype).eps if probabilities.dtype.kind == "f" else 1e-16
    given = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(given, least, 1 - least), dtype=np.float64).mean())


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error: mean distance of confidence and accuracy, bin by bin.

    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger (2017), On calibration of modern neural networks,
    https://arxiv.org/abs/1706.04599. Fifteen bins of equal width, each with its upper and without
    its lower edge.

    Args:
        confidence: (n,) largest probability of each image.
        right: (n,) whether the class that has it is the true one.
    """
    edges = np.linspace(0, 1, BINS + 1)
    # Rounding may leave a confidence just above 1: it belongs to the last bin.
    index = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, BINS - 1)
    # The bin's share times its distance of means: its summed differences by n.
    gaps = np.bincount(index, weights=np.asarray(right, float) - confidence, minlength=BINS)
    return float(np.abs(gaps).sum() / len(index))


def _without_duplicates(right: np.ndarray, duplicate: np.ndarray | None) -> np.ndarray | None:
    if duplicate is None:
        return None
    duplicate = np.asarray(duplicate, bool)
    if duplicate.shape != right.shape:
        raise ValueError(f"{len(right)} images, but duplicate marks have shape {duplicate.shape}.")
    return right[~duplicate]


def _checked(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    probabilities, labels = np.asarray(probabilities), np.asarray(labels)
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1] or not len(labels):
        raise ValueError(
            "Probabilities must be (n, classes) and labels (n,) with n at least 1, got "
            f"{probabilities.shape} and {labels.shape}."
        )
    # Low precision leaves sums a few thousandths off 1; outputs before the softmax, much more.
    sums = probabilities.sum(axis=1, dtype=float)
    if not (probabilities >= 0).all() or not np.allclose(sums, 1, rtol=0, atol=0.01):
        raise ValueError("Probabilities must be at least 0 and sum to 1 for every image.")
    if not np.isin(labels, np.arange(probabilities.shape[1])).all():
        raise ValueError(
            f"Labels must be classes from 0 to {probabilities.shape[1] - 1}, got "
            f"{labels.min()} to {labels.max()}."
        )
    return probabilities, labels
