"""Columns as other tools call them, so that scripts written for those can read a table.

- `openface`: OpenFace 2 (Baltrusaitis et al., 2018): frames from 1, `timestamp`, `confidence`.
- `pyfeat`: `Fex` of py-feat (Cheong et al., 2023): `FaceRectX`, `FaceScore`, `anger` for `angry`.
- `deepface`: `DeepFace.analyze` (Serengil & Ozpinar, 2021), its nested results flattened as
  `pandas.json_normalize` does, with emotions in percent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from attention_fer.common.class_names import identity
from attention_fer.common.registry import Registry
from attention_fer.predict.rows import SMOOTHED


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

    def renamer(self, classes: Sequence[str]) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
        """Returns a function from a row by our columns to a row by theirs, for these classes."""
        names = dict(self.names)
        for name in classes:
            theirs = self.before_class + self.classes.get(identity(name), name)
            names |= {name: theirs, f"{SMOOTHED}{name}": f"{SMOOTHED}{theirs}"}
        shares = {*classes, *(f"{SMOOTHED}{name}" for name in classes)}

        def rename(row: Mapping[str, Any]) -> dict[str, Any]:
            return {
                names.get(name, name): self._converted(name, value, name in shares)
                for name, value in row.items()
            }

        return rename

    def _converted(self, name: str, value: Any, is_share: bool) -> Any:
        if name == "frame" and value is not None:
            return value + self.first_frame
        return value * self.scale if is_share and value is not None and self.scale != 1 else value


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
