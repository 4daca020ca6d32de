"""Measures where boxes and landmarks lie in FER2013's images, and the effect of each rule.

Training images are enlarged four times in the middle of a larger picture. All lengths are fractions
of the image: 0 is its left or upper border, 1 the right or lower one.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.faces.common import add_data, detector, images_of
from benchmarks.faces.scenes import padded
from benchmarks.measurements import show
from preprocessing.detectors import Detector
from preprocessing.faces.squares import RULES

SURROUNDINGS = ("grey", "photograph", "mirrored")


def add_arguments(add: Callable[..., Any]) -> None:
    """Adds the arguments of this measurement."""
    add_data(add, n=2000)
    add("--detector", default="yunet", metavar="NAME[=FILE]", help="default: yunet")


def run(options: argparse.Namespace, console: Console) -> None:
    """Measures and prints the positions.

    Raises:
        ValueError, OSError, ImportError: no such dataset, detector or weights.
    """
    finder = detector(options.detector)
    images, _ = images_of(options.dataset, "train", options.n, options.seed)
    for background in SURROUNDINGS:
        found = positions(finder, images, background, options.seed)
        title = (
            f"{options.detector}, surroundings: {background}; found {len(found)} of {len(images)}"
        )
        rows = [(name, *quartiles(values)) for name, values in measures(found).items()]
        show(console, title, ("", "median", "quartiles"), rows)


def positions(
    finder: Detector, images: Iterable[np.ndarray], background: str, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns box (4,) and landmarks (5, 2) of each face found, as fractions of the image.

    Raises:
        ValueError: no face was found.
    """
    rng, found = np.random.default_rng(seed), []
    least = getattr(finder, "confidence", 0.0)
    for image in images:
        scene = padded(image, background, rng)
        (faces,) = finder([scene.picture])
        left, top, side = scene.square
        if len(faces) and not faces.scores[0] < least and scene.holds(faces.boxes[0]):
            box = (faces.boxes[0] - (left, top, 0, 0)) / side
            found.append((box, (faces.landmarks[0] - (left, top)) / side))
    if not found:
        raise ValueError(f"{finder.name} found none of the faces. Use another detector.")
    return found


def measures(found: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, np.ndarray]:
    """Returns what is reported, by name."""
    boxes, points = (np.array(part) for part in zip(*found, strict=True))
    result = {
        "box, centre x": boxes[:, 0] + boxes[:, 2] / 2,
        "box, centre y": boxes[:, 1] + boxes[:, 3] / 2,
        "box, width": boxes[:, 2],
        "box, height": boxes[:, 3],
        "box, geometric mean of sides": np.sqrt(boxes[:, 2] * boxes[:, 3]),
    }
    for place, name in enumerate(("left eye", "right eye", "nose")):
        result |= {f"{name}, {axis}": points[:, place, i] for i, axis in enumerate("xy")}
    eyes, mouth = points[:, :2].mean(axis=1), points[:, 3:].mean(axis=1)
    result["from eyes to mouth"] = np.linalg.norm(mouth - eyes, axis=1)
    for name, rule in RULES.items():
        left, top, side = np.array([rule(box) for box in boxes]).T
        result |= {f"rule {name}, side": side}
        result |= {
            f"rule {name}, centre x": left + side / 2,
            f"rule {name}, centre y": top + side / 2,
        }
    return result


def quartiles(values: np.ndarray) -> tuple[str, str]:
    """Returns the median and the quartiles as text."""
    low, middle, high = np.percentile(values, (25, 50, 75))
    return f"{middle:.3f}", f"{low:.3f} to {high:.3f}"
