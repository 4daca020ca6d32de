"""Face detectors, one module each. To add one, write a module and import it below."""

from __future__ import annotations

# Importing a module registers its detector.
from preprocessing.detectors import cascade, yolo5face, yolo5face_hub, yunet  # noqa: F401
from preprocessing.detectors.base import (
    DEFAULT,
    Detector,
    Faces,
    get,
    make,
    names,
    options,
    register,
)
from preprocessing.detectors.weights import WeightsError

__all__ = [
    "DEFAULT",
    "Detector",
    "Faces",
    "WeightsError",
    "get",
    "make",
    "names",
    "options",
    "register",
]
