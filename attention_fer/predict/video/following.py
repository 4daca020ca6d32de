"""Rows of single frames become rows of a video: numbers that faces keep, smoothed values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from attention_fer.predict.rows import FaceRow
from attention_fer.predict.video.tracking import Tracker


class Follower:
    """Follows the faces of one video or camera; call it with the rows of each frame, in order.

    It depends only on the boxes, times and probabilities of the rows.

    Args:
        smooth: time constant in seconds of exponential smoothing; None for no smoothing. A value
            moves towards a new one by 1 - exp(-d / smooth), d seconds after the last one of the
            same face.

    Raises:
        ValueError: `smooth` is no number above 0.
    """

    def __init__(self, smooth: float | None = None):
        if smooth is not None and not (math.isfinite(smooth) and smooth > 0):
            raise ValueError(f"smooth must be a number of seconds above 0, got {smooth}.")
        self._smooth = smooth
        self._tracker = Tracker()
        self._values: dict[int, tuple[float, Mapping[str, float]]] = {}

    def __call__(self, rows: Sequence[FaceRow]) -> list[FaceRow]:
        """Returns the rows with `face_id` and `smoothed`; rows without a face stay as they are.

        Args:
            rows: all of one frame, whose time they say.
        """
        time = next((row.timestamp_s for row in rows if row.timestamp_s is not None), None)
        if time is None:  # a frame that could not be read
            return list(rows)
        boxes = [row.box for row in rows if row.box is not None]
        numbers = iter(self._tracker(boxes, time))
        found = [
            row if row.box is None else self._smoothed(replace(row, face_id=next(numbers)), time)
            for row in rows
        ]
        known = self._tracker.numbers
        self._values = {name: value for name, value in self._values.items() if name in known}
        return found

    def _smoothed(self, row: FaceRow, time: float) -> FaceRow:
        if self._smooth is None or not row.success or row.face_id is None:
            return row
        new = dict(row.probabilities)
        if row.face_id in self._values:
            then, old = self._values[row.face_id]
            step = -math.expm1(-(time - then) / self._smooth)
            new = {name: old[name] + step * (value - old[name]) for name, value in new.items()}
        self._values[row.face_id] = time, new
        return replace(row, smoothed=new)
