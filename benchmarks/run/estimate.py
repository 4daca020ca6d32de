"""Estimates how long the missing cells will take: from finished cells, else by arithmetic.

The arithmetic is rough: the start of a process, tracing the graph layer by layer, and the
multiply-adds at the rate of a common CPU core or accelerator.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from benchmarks.plan.cell import Cell
from benchmarks.results.store import Result

# Number of layers with weights, and 1e9 multiply-adds for one 224-pixel image at width 1.
_SIZE = {
    "vgg16": (13, 15.5),
    "vgg19": (16, 19.6),
    "resnet50": (53, 3.9),
    "resnet101": (104, 7.6),
    "resnet152": (155, 11.3),
    "resnet50v2": (53, 3.5),
    "resnet101v2": (104, 7.2),
    "resnet152v2": (155, 10.9),
    "cnn_v1": (3, 0.25),
    "cnn_v2": (10, 2.6),
    "mini_resnet": (24, 2.1),
    "small_resnet": (18, 0.70),
    "residual_masking": (97, 21.8),
    "convnext": (59, 4.5),
    "vit": (38, 17.5),
    "deit": (39, 17.6),
    "convit": (38, 17.4),
}
_START_SECONDS = 8.0
_TRACE_SECONDS_PER_LAYER = 0.2
# Floating-point operations per second that small convolutions reach.
_RATE_OF_A_CORE = 3e10
_RATE_OF_AN_ACCELERATOR = 1e13


class KnownDurations:
    """How long finished cells took, by kind."""

    def __init__(self, results: Iterable[Result] = ()):
        self._by_kind: defaultdict[Cell, list[float]] = defaultdict(list)
        for result in results:
            self.learn(result.cell, result.record)

    def learn(self, cell: Cell, record: Mapping[str, Any]) -> None:
        """Take a cell into account if it is done; a failed one says nothing."""
        if record["status"] == "done":
            self._by_kind[kind(cell)].append(sum(record["timing"].values()))

    def mean(self, cell: Cell) -> float | None:
        """Return the mean seconds of the cells of its kind; None if there are none."""
        times = self._by_kind.get(kind(cell))
        return sum(times) / len(times) if times else None


def seconds(
    cells: Iterable[Cell],
    results: Iterable[Result],
    sizes: Mapping[str, tuple[int, int]],
    jobs: int,
    accelerators: bool,
) -> tuple[dict[str, float], int]:
    """Estimate the seconds that each cell takes.

    Args:
        cells: the cells to run.
        results: the stored results.
        sizes: by dataset, pixels per image and number of training images.
        jobs: number of cells that run at the same time and share the hardware.
        accelerators: whether the cells run on accelerators rather than on the processor.

    Returns:
        The seconds of each cell by slug, and how many of the estimates come from finished cells.
    """
    known = KnownDurations(results)
    cores = os.cpu_count() or 1
    rate = (_RATE_OF_AN_ACCELERATOR if accelerators else _RATE_OF_A_CORE * cores) / jobs
    found: dict[str, float] = {}
    measured = 0
    for cell in cells:
        mean = known.mean(cell)
        measured += mean is not None
        found[cell.slug] = _estimate(cell, sizes, rate) if mean is None else mean
    return found, measured


def kind(cell: Cell) -> Cell:
    """Return a cell that stands for all that take about as long.

    Attention and widening to its parameters add little time; a seed, a fold or a teacher adds none.
    """
    target = replace(cell.target, fingerprint="", folds=("",))
    return replace(cell, row=cell.row.plain, target=target, seed=0, fold=0, teacher=None)


def _estimate(cell: Cell, sizes: Mapping[str, tuple[int, int]], rate: float) -> float:
    layers, gigas = _SIZE.get(cell.row.backbone, (50, 4.0))
    area, images = sizes[cell.target.dataset]
    area = (cell.settings.image_size or cell.settings.crop_size or 0) ** 2 or area
    images = min(images, cell.settings.train_samples or images)
    operations = 2e9 * gigas * (area / 224**2) * cell.settings.width**2
    # Forward once and backward twice; validation and test add about a quarter.
    training = 3.25 * operations * images * cell.settings.epochs / rate
    return _START_SECONDS + _TRACE_SECONDS_PER_LAYER * layers + training
