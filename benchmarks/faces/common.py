"""Shared by the measurements: arguments, images of a dataset, detectors, the machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np

from benchmarks.results.provenance import processor
from preprocessing import detectors
from preprocessing.dataset import Dataset


def add_data(add: Callable[..., Any], n: int) -> None:
    """Adds the arguments that choose the images."""
    add("--dataset", required=True, metavar="DIR", help="prepared FER2013")
    add("--n", type=int, default=n, metavar="N", help=f"images, drawn at random (default: {n})")
    add("--seed", type=int, default=0, metavar="N", help="random seed (default: 0)")


def images_of(folder: str, part: str, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns n images of a part, uint8 (n, height, width), grey, and their labels (n,).

    All images of the part if it has no more than n.

    Raises:
        ValueError: a dataset without such a part, or of images in colour.
    """
    dataset = Dataset.open(folder)
    (rows,) = np.nonzero(np.asarray(dataset.splits) == part)
    if not len(rows) or dataset.images.shape[-1] != 1:
        raise ValueError(f"{folder} must have grey images in a part {part!r}, as FER2013 has.")
    if n < len(rows):
        rows = np.sort(np.random.default_rng(seed).choice(rows, n, replace=False))
    return np.asarray(dataset.images[rows])[..., 0], np.asarray(dataset.labels)[rows]


def detector(given: str) -> detectors.Detector:
    """Makes the detector that `NAME` or `NAME=FILE` means."""
    name, _, weights = given.partition("=")
    return detectors.make(name, **({"weights": weights} if weights else {}))


def machine(*more: str) -> str:
    """Returns the hardware and the versions of packages, of `more` packages too, in words."""
    packages = (*more, "numpy", "onnxruntime", "opencv-python-headless", "pillow")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores of {processor()}, Python {platform.python_version()}, {versions}"
