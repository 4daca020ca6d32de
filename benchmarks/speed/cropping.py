"""Photographs to faces: images per second, ours against the published script.

`published` does what the detection script of the published project does with each photograph and
the same checkpoint: read it, scale its long side to 800 pixels, pad it to a rectangle, run the
PyTorch network and its authors' non-maximum suppression, crop, draw, and write the crop and two
more files. `ours` is a complete preparation of the same files, from a folder to a checked dataset
with splits and manifest, with a row for every face, as `published` crops every face. The two
alternate in one process, and each ratio is of times from the same round. All photographs are read
once before the timing starts.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console

from benchmarks import measurements
from benchmarks.faces.common import machine
from preprocessing import detectors
from preprocessing.detectors.weights import Checkpoint
from preprocessing.detectors.yolo5face_hub import MODULES, isolated_imports, load
from preprocessing.faces.cropper import FaceCropper
from preprocessing.prepare import prepare

LONG_SIDE, PAD_TO, GREY = 800, 64, 114
CONFIDENCE, IOU, KEPT, SIDE = 0.3, 0.5, 0.5, 48
ENDINGS = (".jpg", ".jpeg", ".png")
COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255))


class Published:
    """The published script, one photograph after the other."""

    def __init__(self, weights: Path, hub_repo: Path):
        self._network = load(Checkpoint(weights, trust=True), hub_repo)
        with isolated_imports(MODULES):
            sys.path.insert(0, str(hub_repo.resolve()))
            from utils.general import non_max_suppression_face

            self._suppress = non_max_suppression_face

    def __call__(self, paths: Sequence[Path], out: Path) -> int:
        """Crops all photographs. Returns the number of crops."""
        return sum(self._one(path, out / f"{n}.jpg", out) for n, path in enumerate(paths))

    def _one(self, path: Path, target: Path, out: Path) -> int:
        import torch

        photograph = _read(path)
        canvas, gain, corner = _rectangle(photograph.copy())
        planes = np.ascontiguousarray(canvas[:, :, ::-1].transpose(2, 0, 1))
        with torch.no_grad():
            tensor = (torch.from_numpy(planes).float() / 255.0).unsqueeze(0)
            rows = self._suppress(self._network(tensor)[0], CONFIDENCE, IOU)[0].numpy()
        kept = rows[rows[:, 4] > KEPT]
        for row in kept:
            points = ((row[:15][[*range(4), *range(5, 15)]].reshape(7, 2) - corner) / gain).round()
            crop = _cut(photograph, points[:2])
            _draw(photograph, points, float(row[4]))
            cv2.imwrite(str(target), crop)
        cv2.imwrite(str(out / "result.jpg"), photograph)
        if len(kept):
            cv2.imwrite(str(out / "cropped.jpg"), crop)
        return len(kept)


def _read(path: Path) -> np.ndarray:
    photograph = cv2.imread(str(path))
    if photograph is None:
        raise ValueError(f"{path} is not a readable photograph. Remove it from the folder.")
    return photograph


def _rectangle(image: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """The photograph on its canvas, its scale, and the position (x, y) of its corner there."""
    height, width = image.shape[:2]
    gain = LONG_SIDE / max(height, width)
    if gain != 1:
        how = cv2.INTER_AREA if gain < 1 else cv2.INTER_LINEAR
        size = max(1, int(width * gain)), max(1, int(height * gain))
        image = cv2.resize(image, size, interpolation=how)
    down, right = ((LONG_SIDE - length) % PAD_TO for length in image.shape[:2])
    edges = down // 2, down - down // 2, right // 2, right - right // 2
    canvas = cv2.copyMakeBorder(image, *edges, cv2.BORDER_CONSTANT, value=(GREY,) * 3)
    return canvas, gain, np.array([edges[2], edges[0]], np.float32)


def _cut(photograph: np.ndarray, corners: np.ndarray) -> np.ndarray:
    height, width = photograph.shape[:2]
    (left, top), (right, bottom) = np.clip(corners, 0, (width, height)).astype(int)
    crop = photograph[top : max(bottom, top + 1), left : max(right, left + 1)]
    return cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def _draw(photograph: np.ndarray, points: np.ndarray, score: float) -> None:
    corners = [(int(x), int(y)) for x, y in points]
    cv2.rectangle(photograph, corners[0], corners[1], (0, 255, 0), 1, cv2.LINE_AA)
    for point, colour in zip(corners[2:], COLOURS, strict=True):
        cv2.circle(photograph, point, 2, colour, -1)
    text = f"{score:.3f}"
    cv2.putText(photograph, text, corners[0], 0, 1 / 3, (225, 255, 255), 1, cv2.LINE_AA)


class Ours:
    """A complete preparation of the folder of photographs."""

    def __init__(self, weights: str, workers: int | None):
        detector = detectors.make("yolo5face", weights=weights, threshold=CONFIDENCE, iou=IOU)
        self._faces = FaceCropper(detector, select="all", min_confidence=KEPT, size=SIDE)
        self._workers = workers

    def __call__(self, paths: Sequence[Path], out: Path) -> int:
        """Crops all photographs of the folder. Returns the number of crops."""
        return len(
            prepare(
                "folder",
                paths[0].parents[1],
                out / "prepared",
                overwrite=True,
                faces=self._faces,
                workers=self._workers,
                notice=lambda text: None,
            )
        )


def seconds(
    ways: Sequence[Callable[[Sequence[Path], Path], int]], paths: Sequence[Path], rounds: int
) -> list[list[float]]:
    """Returns the times of each way in each round; the order alternates between rounds."""
    times: list[list[float]] = [[] for _ in ways]
    with tempfile.TemporaryDirectory() as folder:
        paths = _copied(paths, Path(folder) / "raw" / "photographs")
        for way in ways:
            way(paths, Path(folder))
        for turn in range(rounds):
            order = range(len(ways)) if turn % 2 else reversed(range(len(ways)))
            for index in order:
                start = time.perf_counter()
                ways[index](paths, Path(folder))
                times[index].append(time.perf_counter() - start)
    return times


def _copied(paths: Sequence[Path], folder: Path) -> list[Path]:
    """Copies the photographs, repeated ones too, into a class folder."""
    folder.mkdir(parents=True)
    names = [f"{number:05d}{path.suffix}" for number, path in enumerate(paths)]
    return [Path(shutil.copy(p, folder / name)) for p, name in zip(paths, names, strict=True)]


def show(times: Sequence[Sequence[float]], n: int, console: Console) -> None:
    """Prints images per second and their ratio, each as median and range over the rounds."""
    published, ours = times
    ratios = [theirs / mine for theirs, mine in zip(published, ours, strict=True)]
    figures = (
        ("published, images/s", [n / t for t in published]),
        ("ours, images/s", [n / t for t in ours]),
        ("ours / published", ratios),
    )
    rows = [
        (name, *(f"{of(values):.2f}" for of in (statistics.median, min, max)))
        for name, values in figures
    ]
    title = f"n = {n} photographs, {len(ratios)} rounds"
    measurements.show(console, title, ("", "median", "least", "most"), rows)


def photographs(folder: Path, least: int) -> list[Path]:
    """Returns the photographs below a folder, repeated until there are at least `least`.

    Raises:
        ValueError: there are none.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)
    if not found:
        raise ValueError(f"No photographs in {folder}; expected files ending in {ENDINGS}.")
    return found * -(-least // len(found))


def add_arguments(add: Callable[..., Any]) -> None:
    """Adds the arguments of this measurement."""
    add("--photographs", type=Path, required=True, metavar="DIR", help="JPEG and PNG files")
    add("--weights-pt", type=Path, required=True, metavar="FILE", help="checkpoint (trusted)")
    add("--hub-repo", type=Path, required=True, metavar="DIR", help="clone of yolov5-face")
    add("--weights-onnx", default="n-0.5", metavar="FILE", help="its export (default: n-0.5)")
    add("--rounds", type=int, default=5, metavar="N", help="repetitions (default: 5)")
    add("--least", type=int, default=40, metavar="N", help="photographs per round (default: 40)")
    add("--workers", type=int, metavar="N", help="our threads (default: one per core)")


def run(options: argparse.Namespace, console: Console) -> None:
    """Measures both and prints the results.

    Raises:
        ValueError: there are no photographs, or one is not readable.
        OSError, ImportError: weights, repository or their dependencies are missing.
    """
    paths = photographs(options.photographs, options.least)
    published = Published(options.weights_pt, options.hub_repo)
    ours = Ours(options.weights_onnx, options.workers)
    console.print(machine("torch"))
    show(seconds((published, ours), paths, options.rounds), len(paths), console)
