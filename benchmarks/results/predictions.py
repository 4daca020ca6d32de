"""A cell's predictions on the test images, as a file of its folder."""

from __future__ import annotations

import os
import zipfile
import zlib
from dataclasses import dataclass
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
        subject: str (n,), "" where unknown; None where it was not stored.
        duplicate: bool (n,), whether the image equals one of the training or validation part or
            an earlier test image; None where it was not stored.
    """

    probabilities: np.ndarray
    labels: np.ndarray
    sample: np.ndarray
    subject: np.ndarray | None = None
    duplicate: np.ndarray | None = None

    @property
    def correct(self) -> np.ndarray:
        """Whether each image was predicted rightly, bool (n,)."""
        return self.probabilities.argmax(axis=1) == self.labels


def write_predictions(
    folder: Path,
    probabilities: Any,
    labels: Any,
    sample: Any,
    *,
    subject: Any = None,
    duplicate: Any = None,
) -> None:
    """Stores a cell's predictions in its working folder; the arrays are those of `Predictions`.

    Raises:
        ValueError: the arrays are not of one length.
    """
    arrays: dict[str, Any] = {
        "probabilities": np.asarray(probabilities, "float32"),
        "labels": np.asarray(labels, "int64"),
        "sample": np.asarray(sample, "int64"),
    }
    if subject is not None:
        arrays["subject"] = np.asarray(subject, dtype=np.str_)
    if duplicate is not None:
        arrays["duplicate"] = np.asarray(duplicate, dtype=np.bool_)
    _check_lengths(arrays)
    with open(folder / PREDICTIONS, "wb") as file:
        np.savez_compressed(file, **arrays)
        file.flush()
        os.fsync(file.fileno())


def read_predictions(path: Path) -> Predictions:
    """Reads a file that `write_predictions` wrote.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is cut short, altered or something else.
    """
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        _check_lengths(arrays)
        order = np.argsort(arrays["sample"], kind="stable")
        return Predictions(**{name: array[order] for name, array in arrays.items()})
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no predictions: {error}") from error


def _check_lengths(arrays: dict[str, Any]) -> None:
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"Predictions need arrays of one length, given: {lengths}.")
