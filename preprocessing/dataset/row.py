"""One image of the prepared dataset, on its way from the cropping to the writer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Row:
    """One image of the prepared dataset.

    Attributes:
        image: uint8 (height, width) or (height, width, channels), the same shape in every row.
        label, subject, split, source: as in `sources.Sample`.
        box: x, y, width, height of the face in source pixels; None where none was detected.
        score: the detector's confidence in 0..1; None where it gave none.
        more: values of the dataset's further columns, as in `sources.Sample`.
    """

    image: np.ndarray
    label: str
    subject: str
    split: str
    source: str
    box: tuple[float, float, float, float] | None = None
    score: float | None = None
    more: Mapping[str, str | int | float] = field(default_factory=dict)
