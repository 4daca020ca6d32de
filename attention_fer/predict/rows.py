"""The one row type of all results: a face in a frame, or a frame without a face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

SMOOTHED, CHANGE = "smoothed_", "change_"
_BEFORE = (
    ("input", "frame", "timestamp_s", "face_id", "success", "reason", "score")
    + ("x", "y", "width", "height", "roll")
    + ("label", "probability", "margin")
)
_AFTER = ("model", "model_sha256", "detector")


@dataclass(frozen=True)
class FaceRow:
    """A face in a frame. A frame without a face has one row, which says why.

    Attributes:
        input: name of the photograph or video.
        frame: place within a video, from 0.
        timestamp_s: seconds since its start; None for a photograph.
        face_id: number of the face, from 0 in a photograph, the largest first; None without a face.
        success: whether an expression was predicted.
        reason: why not, in the same words for all rows of a kind; "" if it was.
        detail: what was found in this case.
        score: the detector's score, 0 to 1; None without a face or if the detector has none.
        x, y, width, height: the box in pixels of the upright picture, within the picture.
        roll: degrees by which the line through the eyes is turned clockwise; None without eyes.
        eyes: x, y of the person's right eye and of the left one; None without eyes. Not a column.
        label: the most probable class; "" without success.
        probability: its probability.
        margin: by how much it exceeds the second most probable one.
        probabilities: probability of each class, in the model's order; empty without success.
        smoothed: the same after smoothing over time; None where nothing is smoothed.
        model, model_sha256: name and hash of the network.
        detector: name of the detector.
    """

    input: str
    frame: int = 0
    timestamp_s: float | None = None
    face_id: int | None = None
    success: bool = False
    reason: str = ""
    detail: str = ""
    score: float | None = None
    x: float | None = None
    y: float | None = None
    width: float | None = None
    height: float | None = None
    roll: float | None = None
    eyes: tuple[tuple[float, float], tuple[float, float]] | None = None
    label: str = ""
    probability: float | None = None
    margin: float | None = None
    probabilities: Mapping[str, float] = field(default_factory=dict)
    smoothed: Mapping[str, float] | None = None
    model: str = ""
    model_sha256: str = ""
    detector: str = ""

    @property
    def box(self) -> tuple[float, float, float, float] | None:
        """x, y, width and height; None without a face."""
        if self.x is None or self.y is None or self.width is None or self.height is None:
            return None
        return self.x, self.y, self.width, self.height

    @classmethod
    def of(cls, values: Mapping[str, Any], classes: Sequence[str]) -> FaceRow:
        """Returns the row that has these `values`, but for what smoothing added."""
        known = {name: values[name] for name in (*_BEFORE, *_AFTER)}
        shares = {name: values[name] for name in classes if values[name] is not None}
        return cls(**known | {"success": bool(known["success"]), "probabilities": shares})

    def values(self, classes: Sequence[str], smoothed: bool = False) -> dict[str, Any]:
        """The row as plain Python values by column, see `columns`; None where there is nothing."""
        found = {name: getattr(self, name) for name in _BEFORE}
        found["success"] = int(self.success)
        found["reason"] = f"{self.reason}: {self.detail}" if self.detail else self.reason
        found |= {name: self.probabilities.get(name) for name in classes}
        if smoothed:
            after = self.smoothed or {}
            found |= {f"{SMOOTHED}{name}": after.get(name) for name in classes}
        return found | {name: getattr(self, name) for name in _AFTER}


def columns(
    classes: Sequence[str], smoothed: bool = False, changes: bool = False
) -> tuple[str, ...]:
    """The columns of the long table, the same however many faces there are.

    Args:
        classes: classes of the network.
        smoothed: whether there are columns for smoothed probabilities, as of a video.
        changes: whether there are columns for differences from a baseline.

    Raises:
        ValueError: a class that has the name of another column.
    """
    fixed = {one.name for one in fields(FaceRow)}
    if taken := [name for name in classes if name in fixed or name.startswith((SMOOTHED, CHANGE))]:
        raise ValueError(
            f"Classes must not have the name of a column of the table, got {taken[0]!r}."
        )
    after = [f"{SMOOTHED}{name}" for name in classes] if smoothed else []
    after += [f"{CHANGE}{name}" for name in classes] if changes else []
    return (*_BEFORE, *classes, *after, *_AFTER)
