"""Face detectors, one module each. Adding one is a file here and an import below."""

from __future__ import annotations

from preprocessing.detectors import cascade, yolo5face, yolo5face_hub  # noqa: F401  (importing registers the detector)
from preprocessing.detectors.base import Detector, Faces, get, make, names, options, register
from preprocessing.detectors.weights import WeightsError

__all__ = [
    "Detector",
    "Faces",
    "WeightsError",
    "get",
    "make",
    "names",
    "options",
    "register",
]
