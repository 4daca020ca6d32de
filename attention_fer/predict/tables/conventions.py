"""Columns under the names that other tools use, so that scripts for those tools can read a table.

- `openface`: OpenFace 2 (Baltrusaitis et al., 2018): frames from 1, `timestamp`, `confidence`.
- `pyfeat`: `Fex` of py-feat (Cheong et al., 2023): `FaceRectX`, `FaceScore`, `anger` for `angry`.
- `deepface`: `DeepFace.analyze` (Serengil & Ozpinar, 2021), its nested results flattened as
  `pandas.json_normalize` does, with emotions in percent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from attention_fer.common.class_names import identity
from attention_fer.common.registry import Registry
from attention_fer.predict.rows import CHANGE, SMOOTHED

_BEFORE_CLASSES = ("", SMOOTHED, CHANGE)


@dataclass(frozen=True)
class Convention:
    """How one tool calls the columns, and its units.

    Attributes:
        names: new names of columns; others keep theirs.
        classes: new names of expressions, whatever their spelling.
        before_class: what precedes the name of a class.
        first_frame: number of the first frame.
        scale: what a probability of 1 of a class becomes.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)
    before_class: str = ""
    first_frame: int = 0
    scale: float = 1.0

    def renaming(self, classes: Sequence[str]) -> Renaming:
        """Returns what renames the columns of a table with these classes."""
        names = dict(self.names)
        for name in classes:
            theirs = self.before_class + self.classes.get(identity(name), name)
            names |= {f"{before}{name}": f"{before}{theirs}" for before in _BEFORE_CLASSES}
        shares = frozenset(f"{before}{name}" for before in _BEFORE_CLASSES for name in classes)
        return Renaming(names, shares, self.first_frame, self.scale)


@dataclass(frozen=True)
class Renaming:
    """From our columns to those of another tool, for the classes of one network.

    Attributes:
        names: theirs by ours, where they differ.
        shares: our columns of probabilities of classes.
        first_frame, scale: see `Convention`.
    """

    names: Mapping[str, str]
    shares: frozenset[str]
    first_frame: int
    scale: float

    def columns(self, ours: Sequence[str]) -> list[str]:
        """Returns the names of the columns, in order."""
        return [self.names.get(name, name) for name in ours]

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Returns a row by their names and in their units."""
        return {self.names.get(name, name): self._value(name, row[name]) for name in row}

    def _value(self, name: str, value: Any) -> Any:
        if name == "frame" and value is not None:
            return value + self.first_frame
        scaled = name in self.shares and value is not None and self.scale != 1
        return value * self.scale if scaled else value


CONVENTIONS: Registry[Convention] = Registry("columns")
CONVENTIONS.add("own", Convention())
CONVENTIONS.add(
    "openface",
    Convention({"timestamp_s": "timestamp", "score": "confidence"}, first_frame=1),
)
CONVENTIONS.add(
    "pyfeat",
    Convention(
        {
            "x": "FaceRectX",
            "y": "FaceRectY",
            "width": "FaceRectWidth",
            "height": "FaceRectHeight",
            "score": "FaceScore",
            "roll": "Roll",
        },
        {"angry": "anger", "happy": "happiness", "sad": "sadness"},
    ),
)
CONVENTIONS.add(
    "deepface",
    Convention(
        {
            "label": "dominant_emotion",
            "score": "face_confidence",
            "x": "region.x",
            "y": "region.y",
            "width": "region.w",
            "height": "region.h",
        },
        before_class="emotion.",
        scale=100.0,
    ),
)
