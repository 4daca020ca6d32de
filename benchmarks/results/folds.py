"""The predictions of a cross-validation's folds, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.results.predictions import Predictions


def together(folds: Sequence[Predictions]) -> Predictions:
    """All test images of one seed, in ascending order of `sample`.

    What a fold has not stored, subjects or duplicates, is unknown for all.

    Raises:
        ValueError: there is no fold.
    """
    if not folds:
        raise ValueError("No fold to put together.")
    order = np.argsort(np.concatenate([fold.sample for fold in folds]), kind="stable")
    arrays: dict[str, Any] = {}
    for name in ("probabilities", "labels", "sample", "subject", "duplicate"):
        parts = [getattr(fold, name) for fold in folds]
        known = [part for part in parts if part is not None]
        arrays[name] = np.concatenate(known)[order] if len(known) == len(parts) else None
    return Predictions(**arrays)


@dataclass(frozen=True, eq=False)
class Measured:
    """What comparing needs of a network on n test images.

    Attributes:
        right: by seed, bool (n,): whether each image was predicted rightly.
        sample: int (n,), rows of the prepared dataset.
        clusters: (n,) which images are of one subject; None where no subject is known.
    """

    right: Mapping[int, np.ndarray]
    sample: np.ndarray
    clusters: np.ndarray | None

    @classmethod
    def of(cls, seeds: Mapping[int, Predictions], what: str) -> Measured:
        """Of the predictions of each seed.

        Raises:
            ValueError: the seeds were not measured on the same images; `what` is named.
        """
        first = next(iter(seeds.values()))
        if not all(np.array_equal(p.sample, first.sample) for p in seeds.values()):
            raise ValueError(f"The seeds of {what} were not measured on the same images.")
        right = {seed: p.correct for seed, p in seeds.items()}
        return cls(right, first.sample, clusters(first))


def clusters(of: Predictions) -> np.ndarray | None:
    """Numbers (n,) that images of one subject share; an image of unknown subject stands alone."""
    if of.subject is None or not (of.subject != "").any():
        return None
    _, numbers = np.unique(of.subject, return_inverse=True)
    unknown = of.subject == ""
    return np.where(unknown, numbers.max() + 1 + np.arange(len(numbers)), numbers)
