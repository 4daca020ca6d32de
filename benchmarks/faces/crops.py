"""Measures how the crop changes the accuracy of the network in the package.

Each test image of FER2013 is enlarged to 64 to 320 pixels, pasted at a random place of a picture
whose background is grey, noise or a blurred photograph, found by the detector, and cut out again.
The network classifies it as it is and as each kind of crop shows it. `true square` cuts out exactly
what was pasted, so its loss is that of enlarging and shrinking.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from rich.console import Console

from attention_fer import pretrained
from attention_fer.common.progress import progress
from benchmarks.faces.common import add_data, detector, images_of, machine
from benchmarks.faces.scenes import BACKGROUNDS, Scene, scene
from benchmarks.measurements import show
from benchmarks.release.onnx_files import OnnxNetwork
from benchmarks.statistics.paired import compare
from preprocessing.detectors import Detector
from preprocessing.faces import selection
from preprocessing.faces.crops import CropSettings, crop

LEAST, MOST = 64, 320
AS_IT_IS, TRUE = "as it is", "true square"
WAYS = {
    "--like fer2013": CropSettings(like="fer2013"),
    "the box (default)": CropSettings(),
    "--square": CropSettings(square=True),
    "--square --margin 0.1": CropSettings(square=True, margin=0.1),
    "--square --margin 0.25": CropSettings(square=True, margin=0.25),
}


def add_arguments(add: Callable[..., Any]) -> None:
    """Adds the arguments of this measurement."""
    add_data(add, n=3589)
    add("--detector", default="yunet", metavar="NAME[=FILE]", help="default: yunet")


def run(options: argparse.Namespace, console: Console) -> None:
    """Measures and prints the accuracies.

    Raises:
        ValueError, OSError, ImportError: no such dataset, detector or weights.
    """
    finder = detector(options.detector)
    images, labels = images_of(options.dataset, "test", options.n, options.seed)
    network = OnnxNetwork(pretrained.find("fer-small", "fer2013").file("onnx"))
    found, cut = cut_out(finder, images, options.seed, console)
    right = {
        name: network(faces[..., None]).argmax(axis=1) == labels[found]
        for name, faces in {AS_IT_IS: images[found], **cut}.items()
    }
    console.print(machine())
    title = f"{options.detector} found {len(found)} of {len(images)} faces; fer-small on these"
    columns = ("crop", "accuracy", "against as it is", "against --like fer2013")
    show(console, title, columns, rows_of(right))


def cut_out(
    finder: Detector, images: np.ndarray, seed: int, console: Console
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Finds each image in a picture and cuts it out in each way.

    Returns:
        Rows of the images whose face was found, and their crops, uint8 (found, 48, 48), by way.

    Raises:
        ValueError: no face was found.
    """
    found: list[int] = []
    cut: dict[str, list[np.ndarray]] = {name: [] for name in (TRUE, *WAYS)}
    with progress(console) as track:
        for row, one in enumerate(track(scenes(images, seed), "faces", len(images), 0)):
            box = largest(finder, one)
            if box is None or not one.holds(box):
                continue
            found.append(row)
            left, top, side = one.square
            whole = crop(one.picture, (left, top, side, side), None, CropSettings())
            cut[TRUE].append(whole)
            for name, settings in WAYS.items():
                cut[name].append(crop(one.picture, box, None, settings))
    if not found:
        raise ValueError(f"{finder.name} found none of {len(images)} faces. Use another detector.")
    return np.array(found, np.intp), {name: np.stack(faces) for name, faces in cut.items()}


def scenes(images: np.ndarray, seed: int) -> Iterator[Scene]:
    """Yields a picture for each image; backgrounds take turns."""
    for row, image in enumerate(images):
        rng = np.random.default_rng((seed, row))
        side = round(float(np.exp(rng.uniform(np.log(LEAST), np.log(MOST)))))
        yield scene(image, list(BACKGROUNDS)[row % len(BACKGROUNDS)], side, rng)


def largest(finder: Detector, one: Scene) -> list[float] | None:
    """Returns the box that a preparation would take, by its defaults; None without a face."""
    (faces,) = finder([one.picture])
    usual = getattr(finder, "confidence", selection.LEAST_CONFIDENCE)
    least = usual if finder.has_scores else None
    chosen = selection.choose(faces, one.picture.shape, "largest", least)
    return faces.boxes[chosen[0]].tolist() if chosen else None


def rows_of(right: dict[str, np.ndarray]) -> list[Sequence[str]]:
    """Returns accuracy and paired differences in points, with 95 % intervals over test images.

    Args:
        right: for each way, bool (n,), whether the network is right.
    """
    references = (right[AS_IT_IS], right[next(iter(WAYS))])
    return [
        (name, f"{hits.mean():.2%}", *(_difference(hits, other) for other in references))
        for name, hits in right.items()
    ]


def _difference(hits: np.ndarray, reference: np.ndarray) -> str:
    if hits is reference:
        return ""
    found = compare((hits.astype(int) - reference)[None])
    return f"{found.mean:+.2f} ({found.low:+.2f} to {found.high:+.2f})"
