"""Follows faces from frame to frame by the overlap of their boxes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

FaceBox = tuple[float, float, float, float]
"""x, y, width and height in pixels."""

SAME = 0.3
"""Minimum overlap, as intersection over union, of the boxes of one face."""

REMEMBERED = 2.0
"""Seconds for which a lost face keeps its number."""


@dataclass
class _Track:
    number: int
    box: FaceBox
    time: float
    velocity: tuple[float, float] = (0.0, 0.0)

    def expected(self, time: float) -> FaceBox:
        """Where the movement between its last two boxes leads."""
        x, y, width, height = self.box
        across, down = self.velocity
        return x + across * (time - self.time), y + down * (time - self.time), width, height

    def move(self, box: FaceBox, time: float, moving: bool) -> None:
        span = time - self.time
        shift = [box[i] + box[i + 2] / 2 - self.box[i] - self.box[i + 2] / 2 for i in (0, 1)]
        moving = moving and span > 0
        self.velocity = (shift[0] / span, shift[1] / span) if moving else (0.0, 0.0)
        self.box, self.time = box, time


class Tracker:
    """Gives each face of a video a number that it keeps.

    Faces of the previous frame come first: a new box belongs to the face whose expected place it
        overlaps most. The remaining boxes are compared with the last boxes of faces lost at most
        `REMEMBERED` seconds ago. A box that overlaps none by `SAME` is a new face; numbers are not
        reused.
    """

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self._latest = 0.0
        self._next = 0

    @property
    def numbers(self) -> set[int]:
        """Of the faces that are remembered."""
        return {track.number for track in self._tracks}

    def __call__(self, boxes: Sequence[FaceBox], time: float) -> list[int]:
        """Returns the number of each box.

        Args:
            boxes: of the faces of one frame.
            time: of the frame in seconds, later than that of the frame before.
        """
        present = [track for track in self._tracks if track.time == self._latest]
        lost = [
            track
            for track in self._tracks
            if track.time != self._latest and time - track.time <= REMEMBERED
        ]
        found: dict[int, _Track] = {}
        for tracks, moving in ((present, True), (lost, False)):
            places = [track.expected(time) if moving else track.box for track in tracks]
            left = [place for place in range(len(boxes)) if place not in found]
            for row, column in _pairs(places, [boxes[place] for place in left]):
                found[left[column]] = tracks[row]
                tracks[row].move(boxes[left[column]], time, moving)
        for place in range(len(boxes)):
            if place not in found:
                found[place] = _Track(self._next, boxes[place], time)
                self._next += 1
        kept = {track.number: track for track in (*present, *lost, *found.values())}
        self._tracks, self._latest = list(kept.values()), time
        return [found[place].number for place in range(len(boxes))]


def _pairs(before: Sequence[FaceBox], after: Sequence[FaceBox]) -> Iterable[tuple[int, int]]:
    """Yields the places of boxes that belong together, those with the largest overlap first."""
    overlaps = [
        (-overlap(one, other), row, column)
        for row, one in enumerate(before)
        for column, other in enumerate(after)
    ]
    rows, columns = set(), set()
    for negative, row, column in sorted(overlaps):
        if -negative >= SAME and row not in rows and column not in columns:
            rows.add(row)
            columns.add(column)
            yield row, column


def overlap(one: FaceBox, other: FaceBox) -> float:
    """Returns the intersection of two boxes over their union, 0 to 1."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(across, 0.0) * max(down, 0.0)
    union = one[2] * one[3] + other[2] * other[3] - shared
    return shared / union if union > 0 else 0.0
