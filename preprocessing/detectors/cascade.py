"""The frontal-face cascade that ships with OpenCV 4.

Viola and Jones, "Rapid object detection using a boosted cascade of simple features", CVPR 2001,
https://doi.org/10.1109/CVPR.2001.990517, trained by Rainer Lienhart.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from attention_fer.common.checks import positive_int
from attention_fer.common.files import sha256
from preprocessing.detectors.base import Faces, check_photographs, register

FILE = "haarcascade_frontalface_default.xml"
_INSTALL = '`pip install "opencv-python-headless<5"`'
_ADVICE = f"Run {_INSTALL}, or use the detector yunet."


@register("cascade")
class Cascade:
    """Finds boxes of upright frontal faces, without scores or landmarks. Downloads nothing.

    Args:
        input_size: photographs whose longer side exceeds this many pixels are shrunk to it; faces
            smaller than 24 pixels after that are not found.
        step: factor between successive face sizes searched, above 1.
        neighbours: number of overlapping hits that make a face.

    Raises:
        ImportError: no OpenCV, or OpenCV 5, which has no cascades.
        ValueError: an option out of range.
    """

    name = "cascade"
    has_scores = False
    has_landmarks = False
    batch = 1

    def __init__(self, *, input_size: int = 800, step: float = 1.1, neighbours: int = 5):
        self._side = positive_int("input_size", input_size)
        if not step > 1:
            raise ValueError(f"step must be a number above 1, got {step}.")
        self._step = float(step)
        self._neighbours = positive_int("neighbours", neighbours)
        self._path = _file()
        self._local = threading.local()

    def __call__(self, images: Sequence[np.ndarray]) -> list[Faces]:
        """Detects the faces of each image, see `base.Detector`."""
        check_photographs(images)
        return [self._detect(image) for image in images]

    def describe(self) -> dict[str, Any]:
        """Returns the name, the cascade file and its hash, input size, library and settings."""
        import cv2

        return {
            "name": self.name,
            "weights": self._path.name,
            "sha256": sha256(self._path),
            "input_size": self._side,
            "threshold": None,
            "step": self._step,
            "neighbours": self._neighbours,
            "library": f"opencv {cv2.__version__}",
        }

    def _detect(self, image: np.ndarray) -> Faces:
        import cv2

        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        height, width = grey.shape
        gain = min(1.0, self._side / max(height, width))
        size = max(1, round(width * gain)), max(1, round(height * gain))
        if gain < 1:
            grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        boxes = self._classifier().detectMultiScale(
            grey, scaleFactor=self._step, minNeighbors=self._neighbours
        )
        back = np.divide((width, height), size)
        return Faces.ordered(np.asarray(boxes).reshape(-1, 4) * np.tile(back, 2))

    def _classifier(self) -> Any:
        """Returns this thread's classifier: each one holds its image pyramid."""
        if not hasattr(self._local, "classifier"):
            self._local.classifier = _classifier_class()(str(self._path))
        return self._local.classifier


def without_download() -> str:
    """Returns a sentence about the only detector that needs no download, if it is available."""
    try:
        _file()
    except ImportError:
        return f"To avoid the download, use --detector cascade after {_INSTALL}."
    return "--detector cascade needs no download."


def _classifier_class() -> Any:
    try:
        import cv2
    except ImportError as error:
        raise ImportError(f"The detector cascade needs OpenCV 4. {_ADVICE}") from error
    classifier = getattr(cv2, "CascadeClassifier", None)
    if classifier is None:
        raise ImportError(
            f"The detector cascade needs OpenCV 4, got OpenCV {cv2.__version__}, which has no "
            f"cascade classifier. {_ADVICE}"
        )
    return classifier


def _file() -> Path:
    _classifier_class()
    import cv2

    path = Path(cv2.__file__).parent / "data" / FILE
    if not path.is_file():
        raise ImportError(f"OpenCV {cv2.__version__} came without {path}. {_ADVICE}")
    return path
