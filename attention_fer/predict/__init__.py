"""Predicts facial expressions in photographs, with ONNX Runtime, NumPy and Pillow alone.

    from attention_fer.predict import Predictor

    for face in Predictor().predict("photo.jpg"):
        print(face.label, face.probability, face.box)

`Predictor.predict` takes paths, arrays (RGB), PIL images, lists and folders; `Predictor.stream`
takes an endless stream. Everything becomes `Frame` objects first and `FaceRow` objects last; what
reads a video or a camera yields frames, and what smooths over time changes rows.

It names the expression that people would most likely see in a face, not what a person feels.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attention_fer.predict.frames import Frame
    from attention_fer.predict.predictor import Predictor
    from attention_fer.predict.rows import FaceRow

__all__ = ["FaceRow", "Frame", "Predictor"]

_HOMES = {"FaceRow": "rows", "Frame": "frames", "Predictor": "predictor"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
