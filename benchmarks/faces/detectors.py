"""Face detectors compared: recall by size and score, false hits, time.

Recall is measured on test images of FER2013 in pictures of 960x1280 pixels; false hits on those
pictures and on photographs without a face, if a folder of them is given. A face is found if a box
of about its size lies at its place. Time is CPU time with one thread, for pictures of 480x640
pixels.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Console

from benchmarks.faces.common import add_data, detector, images_of, machine
from benchmarks.faces.scenes import BACKGROUNDS, scene
from benchmarks.measurements import show
from preprocessing.detectors import Detector, Faces

SIZE = (960, 1280)
SIDES = (32, 64, 128, 256, 512, 768)
SCORES = (0.5, 0.6, 0.7, 0.75, 0.8)
TIMED = 20


def add_arguments(add: Callable[..., Any]) -> None:
    """Adds the arguments of this measurement."""
    add_data(add, n=150)
    add("--detectors", nargs="+", required=True, metavar="NAME[=FILE]", help="what to compare")
    add("--faceless", type=Path, metavar="DIR", help="photographs without a face")


def run(options: argparse.Namespace, console: Console) -> None:
    """Measures and prints.

    Raises:
        ValueError, OSError, ImportError: no such dataset, detector or weights.
    """
    images, _ = images_of(options.dataset, "test", options.n, options.seed)
    faceless = _read(options.faceless) if options.faceless else []
    console.print(machine())
    false = ("false hits in these pictures", "false hits elsewhere")
    columns = ("score", *(f"{side} px" for side in SIDES), *false)
    for given in options.detectors:
        finder = detector(given)
        by_side = [answers(finder, images, side, options.seed) for side in SIDES]
        elsewhere = [_none_right(finder([picture])[0]) for picture in faceless]
        title = (
            f"{given}: {seconds(finder, images) * 1000:.0f} ms; n = {len(images)} faces a size, "
            f"{len(faceless)} photographs without a face"
        )
        scores = SCORES if finder.has_scores else (0.0,)
        rows = [_row(least, by_side, elsewhere) for least in scores]
        show(console, title, columns, rows)


@dataclass(frozen=True, eq=False)
class FoundBoxes:
    """The boxes found in one picture: their scores (k,) and whether they are its face (k,)."""

    scores: np.ndarray
    right: np.ndarray

    def count(self, right: bool, least: float) -> int:
        """Number of right or wrong boxes with at least this score; all have it without scores."""
        return int(((self.right == right) & ~(self.scores < least)).sum())


def answers(finder: Detector, images: np.ndarray, side: int, seed: int) -> list[FoundBoxes]:
    """Returns what is found in a picture for each image, with its face of `side` pixels."""
    result = []
    for row, image in enumerate(images):
        rng = np.random.default_rng((seed, side, row))
        one = scene(image, list(BACKGROUNDS)[row % len(BACKGROUNDS)], side, rng, SIZE)
        (faces,) = finder([one.picture])
        right = np.array([one.holds(box) for box in faces.boxes], bool)
        result.append(FoundBoxes(faces.scores, right))
    return result


def recall(found: Sequence[FoundBoxes], least: float) -> float:
    """Returns the share of faces that are found with at least this score."""
    return float(np.mean([one.count(True, least) > 0 for one in found]))


def false_hits(found: Iterable[FoundBoxes], least: float) -> int:
    """Returns the number of boxes with at least this score that are no face."""
    return sum(one.count(False, least) for one in found)


def seconds(finder: Detector, images: np.ndarray) -> float:
    """Returns the median processor time of a picture of 480x640 pixels."""
    rng, times = np.random.default_rng(0), []
    for image in images[:TIMED]:
        picture = scene(image, "photograph", 192, rng).picture
        start = time.process_time()
        finder([picture])
        times.append(time.process_time() - start)
    return float(np.median(times))


def _row(
    least: float, by_side: Sequence[Sequence[FoundBoxes]], elsewhere: Sequence[FoundBoxes]
) -> list[str]:
    shares = [f"{recall(found, least):.0%}" for found in by_side]
    false = sum(false_hits(found, least) for found in by_side)
    return [
        f"{least:g}" if least else "any",
        *shares,
        str(false),
        str(false_hits(elsewhere, least)),
    ]


def _none_right(faces: Faces) -> FoundBoxes:
    return FoundBoxes(faces.scores, np.zeros(len(faces), bool))


def _read(folder: Path) -> list[np.ndarray]:
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".jpg", ".png"))
    if not paths:
        raise ValueError(f"{folder} must hold .jpg or .png files, got none.")
    return [np.asarray(Image.open(path).convert("RGB")) for path in paths]
