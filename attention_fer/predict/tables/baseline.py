"""How each face of a video differs from itself in another part of that video.

Faces at rest differ: one person's neutral face may look sad. FaceReader calls this calibration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from attention_fer.predict.rows import CHANGE
from attention_fer.predict.video.choosing import FrameChoice, seconds

_Face = tuple[str, int]
"""Video and number of a face."""


def baseline_span(text: str) -> FrameChoice:
    """Returns the span that "START-END" names, such as "0-5" or "0:01:30-0:02:00".

    Raises:
        ValueError: anything else.
    """
    start, dash, end = text.partition("-")
    if not dash:
        raise ValueError(
            f"--baseline must be START-END, each in seconds or h:mm:ss, such as 0-5, got {text!r}."
        )
    return FrameChoice(start=seconds("--baseline", start), end=seconds("--baseline", end))


class Baseline:
    """Subtracts from each probability the mean of that face and class over the span.

    Args:
        span: the part of each video to compare with.
        classes: classes of the network.
        rows: all rows of the table, as values by column; read once.
    """

    def __init__(
        self, span: FrameChoice, classes: Sequence[str], rows: Iterable[Mapping[str, Any]]
    ):
        self._classes = classes
        self._faces: set[_Face] = set()
        found: dict[_Face, tuple[int, np.ndarray]] = {}
        for row in rows:
            if not row["success"]:
                continue
            face = _face(row)
            self._faces.add(face)
            if not span.before(row["timestamp_s"]) and not span.after(row["timestamp_s"]):
                count, total = found.get(face, (0, np.zeros(len(classes))))
                found[face] = count + 1, total + [row[name] for name in classes]
        self._means = {face: total / count for face, (count, total) in found.items()}

    @property
    def faces(self) -> int:
        """Number of faces with an expression."""
        return len(self._faces)

    @property
    def missing(self) -> int:
        """How many of them have none within the span."""
        return self.faces - len(self._means)

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Returns a row with its changes, -1 to 1; None without a face or its baseline."""
        means = self._means.get(_face(row)) if row["success"] else None
        changes = {
            f"{CHANGE}{name}": None if means is None else row[name] - float(means[place])
            for place, name in enumerate(self._classes)
        }
        return {**row, **changes}


def _face(row: Mapping[str, Any]) -> _Face:
    return row["input"], row["face_id"]
