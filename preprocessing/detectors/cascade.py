"""The frontal-face cascade that comes with OpenCV 4.

Viola and Jones, "Rapid object detection using a boosted cascade of simple features", CVPR 2001,
https://doi.org/10.1109/CVPR.2001.990517, trained by Rainer Lienhart.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from preprocessing.detectors import checks
from preprocessing.detectors.base import Faces, register
from preprocessing.detectors.weights import sha256_of

FILE = "haarcascade_frontalface_default.xml"
_ADVICE = 'run `pip install "opencv-python-headless<5"`, or use the detector yolo5face'


@register("cascade")
class Cascade:
    """Boxes of upright frontal faces, without scores and landmarks. Needs no further files.

    Args:
        input_size: photographs with a longer side are shrunk to this one; faces under 24 pixels
            after that are not found.
        step: by how much the size of the faces looked for grows, over 1.
        neighbours: how many overlapping hits make a face.

    Raises:
        ImportError: OpenCV 5, which has no cascades.
        ValueError: an option out of range.
    """

    name = "cascade"
    has_scores = False
    has_landmarks = False
    batch = 1

    def __init__(self, *, input_size: int = 800, step: float = 1.1, neighbours: int = 5):
        self._side = checks.count("input_size", input_size)
        if not step > 1:
            raise ValueError(f"got step={step}: expected a number over 1")
        self._step = float(step)
        self._neighbours = checks.count("neighbours", neighbours)
        self._path = _file()
        self._mine = threading.local()

    def __call__(self, images: Sequence[np.ndarray]) -> list[Faces]:
        """Faces of each image, see `base.Detector`. Raises ValueError for what is no photograph."""
        checks.photographs(images)
        return [self._detect(image) for image in images]

    def describe(self) -> dict[str, Any]:
        """Name, the cascade's file and its hash, input size, library and settings."""
        return {
            "name": self.name,
            "weights": self._path.name,
            "sha256": sha256_of(self._path),
            "input_size": self._side,
            "threshold": None,
            "step": self._step,
            "neighbours": self._neighbours,
            "library": f"opencv {cv2.__version__}",
        }

    def _detect(self, image: np.ndarray) -> Faces:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        height, width = grey.shape
        gain = min(1.0, self._side / max(height, width))
        size = max(1, round(width * gain)), max(1, round(height * gain))
        if gain < 1:
            grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        found = self._classifier().detectMultiScale(
            grey, scaleFactor=self._step, minNeighbors=self._neighbours
        )
        back = np.divide((width, height), size)
        return Faces.ordered(np.asarray(found).reshape(-1, 4) * np.tile(back, 2))

    def _classifier(self) -> Any:
        """This thread's own, because a classifier keeps its image pyramid inside."""
        if not hasattr(self._mine, "classifier"):
            self._mine.classifier = _classifier_class()(str(self._path))
        return self._mine.classifier


def _classifier_class() -> Any:
    found = getattr(cv2, "CascadeClassifier", None)
    if found is None:
        raise ImportError(f"OpenCV {cv2.__version__} has no cascade classifier: {_ADVICE}")
    return found


def _file() -> Path:
    _classifier_class()
    path = Path(cv2.__file__).parent / "data" / FILE
    if not path.is_file():
        raise ImportError(f"OpenCV {cv2.__version__} came without {path}: {_ADVICE}")
    return path
