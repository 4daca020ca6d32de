"""Measures what becomes of photographs stored sideways or upside down, without an EXIF tag.

Test images are enlarged to 64 to 320 pixels, pasted into pictures of 480x640 pixels, and turned by
quarter turns. `Predictor` gets them as photographs, which it may turn, and as frames of a video,
which it does not. A face lies right if the line through its eyes is within 45 degrees of the truth.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from rich.console import Console

from attention_fer.predict import FaceRow, Predictor
from attention_fer.predict.frames import Frame
from benchmarks.faces.common import add_data, images_of, machine
from benchmarks.faces.crops import LEAST, MOST
from benchmarks.faces.scenes import scene
from benchmarks.measurements import show

TURNS = {"as taken": 0, "90° to the left": 1, "upside down": 2, "90° to the right": 3}


def add_arguments(add: Callable[..., Any]) -> None:
    """Adds the arguments of this measurement."""
    add_data(add, n=200)
    add("--detector", default="yunet", metavar="NAME[=FILE]", help="default: yunet")


def run(options: argparse.Namespace, console: Console) -> None:
    """Measures and prints a row for each turn, with and without turning back.

    Raises:
        ValueError, OSError, ImportError: no such dataset, detector or weights.
    """
    name, _, weights = options.detector.partition("=")
    predictor = Predictor(detector=name, weights=weights or None)
    images, labels = images_of(options.dataset, "test", options.n, options.seed)
    rng = np.random.default_rng(options.seed)
    sides = rng.integers(LEAST, MOST + 1, len(images))
    scenes = [
        scene(image, "photograph", int(side), rng).picture
        for image, side in zip(images, sides, strict=True)
    ]
    lines = []
    for name, turns in TURNS.items():
        turned = [np.ascontiguousarray(np.rot90(picture, turns)) for picture in scenes]
        for kind, time in (("photograph", None), ("frame of a video", 0.0)):
            rows = [largest(predictor, picture, time) for picture in turned]
            lines.append((name, kind, *shares(rows, turns, labels, predictor.network.classes)))
    columns = ("stored", "as", "found", "lies right", "right expression, of all")
    show(console, f"n = {len(images)}; {machine()}", columns, lines)


def largest(predictor: Predictor, picture: np.ndarray, time: float | None) -> FaceRow:
    """Returns the row of the largest face, or the one that says why there is none."""
    return predictor.rows([Frame("scene", picture, time=time)])[0][0]


def shares(
    rows: Sequence[FaceRow], turns: int, labels: np.ndarray, classes: Sequence[str]
) -> tuple[str, str, str]:
    """Returns the shares of all pictures, as text: found, lying right, right expression."""
    expected = [classes[label] for label in labels]
    found = [row.success for row in rows]
    right = [row.roll is not None and _within(row.roll + 90 * turns, 45) for row in rows]
    named = [row.label == name for row, name in zip(rows, expected, strict=True)]
    return _share(found), _share(right), _share(named)


def _share(of: Sequence[bool]) -> str:
    return f"{100 * float(np.mean(of)):.1f} %"


def _within(degrees: float, most: float) -> bool:
    return abs(math.remainder(degrees, 360)) < most
