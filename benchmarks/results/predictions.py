"""A cell's predictions on its test images: the file, and what a comparison needs of it."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

PREDICTIONS = "predictions.npz"


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions on n test images, in ascending order of `sample`.

    Attributes:
        probabilities: float32 (n, classes).
        labels: int64 (n,), positions in the dataset's classes.
        sample: int64 (n,), rows of the prepared dataset.
        subject: str (n,), "" if unknown.
        duplicate: bool (n,), whether the image equals one of the training or validation images
            or an earlier test image.
    """

    probabilities: np.ndarray
    labels: np.ndarray
    sample: np.ndarray
    subject: np.ndarray
    duplicate: np.ndarray

    @property
    def correct(self) -> np.ndarray:
        """Whether each image was predicted correctly, bool (n,)."""
        return self.probabilities.argmax(axis=1) == self.labels

    @property
    def clusters(self) -> np.ndarray | None:
        """Group numbers (n,) of images of one subject, see `groups`."""
        return groups(self.subject)


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Which of n test images a network predicts correctly, for each seed.

    Attributes:
        correct: by seed, bool (n,).
        sample: int (n,), rows of the prepared dataset.
        clusters: see `Predictions.clusters`.
    """

    correct: Mapping[int, np.ndarray]
    sample: np.ndarray
    clusters: np.ndarray | None

    @classmethod
    def of(cls, seeds: Mapping[int, Predictions], name: str) -> Outcomes:
        """Collects the outcomes from the predictions of each seed.

        Raises:
            ValueError: the seeds have different test images; the message contains `name`.
        """
        first = next(iter(seeds.values()))
        if not all(np.array_equal(p.sample, first.sample) for p in seeds.values()):
            raise ValueError(f"The seeds of {name} were not tested on the same images.")
        return cls({seed: p.correct for seed, p in seeds.items()}, first.sample, first.clusters)


def groups(subject: np.ndarray) -> np.ndarray | None:
    """Group numbers (n,) of images of one subject, or None if no subject is known.

    An image of an unknown subject is a group of one.

    Args:
        subject: (n,) the person each image shows, "" if unknown.
    """
    unknown = subject == ""
    if unknown.all():
        return None
    _, numbers = np.unique(subject, return_inverse=True)
    return np.where(unknown, numbers.max() + 1 + np.arange(len(numbers)), numbers)


def pooled(folds: Sequence[Predictions]) -> Predictions:
    """All test images of one seed's folds, in ascending order of `sample`.

    Raises:
        ValueError: there is no fold.
    """
    if not folds:
        raise ValueError("folds must not be empty.")
    names = [field.name for field in fields(Predictions)]
    return _sorted({name: np.concatenate([getattr(f, name) for f in folds]) for name in names})


def write_predictions(
    folder: Path, probabilities: Any, labels: Any, sample: Any, *, subject: Any, duplicate: Any
) -> None:
    """Stores a cell's predictions in its working folder; the arrays are those of `Predictions`.

    Raises:
        ValueError: the arrays differ in length.
    """
    arrays: dict[str, Any] = {
        "probabilities": np.asarray(probabilities, "float32"),
        "labels": np.asarray(labels, "int64"),
        "sample": np.asarray(sample, "int64"),
        "subject": np.asarray(subject, dtype=np.str_),
        "duplicate": np.asarray(duplicate, dtype=np.bool_),
    }
    _check_lengths(arrays)
    with open(folder / PREDICTIONS, "wb") as file:
        np.savez_compressed(file, **arrays)
        file.flush()
        os.fsync(file.fileno())


def read_predictions(path: Path) -> Predictions:
    """Reads a file written by `write_predictions`.

    Raises:
        OSError: the file cannot be opened.
        ValueError: the file is truncated, altered or of another kind.
    """
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        _check_lengths(arrays)
        return _sorted(arrays)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no predictions: {error}") from error


def _sorted(arrays: Mapping[str, np.ndarray]) -> Predictions:
    order = np.argsort(arrays["sample"], kind="stable")
    return Predictions(**{name: array[order] for name, array in arrays.items()})


def _check_lengths(arrays: Mapping[str, np.ndarray]) -> None:
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"Predictions must be arrays of equal length, got {lengths}.")
