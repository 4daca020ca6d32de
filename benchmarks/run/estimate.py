"""Estimates how long the missing cells will take: from finished cells, else by arithmetic.

The arithmetic is rough: the start of a process, tracing the graph layer by layer, and the
multiply-adds at the rate of a common CPU core or accelerator.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import replace

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
    known: dict[Cell, list[float]] = {}
    for result in results:
        if result.done:
            spent = sum(result.record["timing"].values())
            known.setdefault(kind(result.cell), []).append(spent)
    cores = os.cpu_count() or 1
    rate = (_RATE_OF_AN_ACCELERATOR if accelerators else _RATE_OF_A_CORE * cores) / jobs
    found: dict[str, float] = {}
    measured = 0
    for cell in cells:
        times = known.get(kind(cell))
        measured += times is not None
        found[cell.slug] = (
            statistics.mean(times) + _START_SECONDS if times else _estimate(cell, sizes, rate)
        )
    return found, measured


def kind(cell: Cell) -> Cell:
    """Return one cell for all that take equally long: attention costs little, seeds nothing."""
    row, target = replace(cell.row, attention="none"), replace(cell.target, fingerprint="")
    return replace(cell, row=row, target=target, seed=0, teacher=None)


def _estimate(cell: Cell, sizes: Mapping[str, tuple[int, int]], rate: float) -> float:
    layers, gigas = _SIZE.get(cell.row.backbone, (50, 4.0))
    area, images = sizes[cell.target.dataset]
    area = (cell.settings.image_size or cell.settings.crop_size or 0) ** 2 or area
    images = min(images, cell.settings.train_samples or images)
    operations = 2e9 * gigas * (area / 224**2) * cell.settings.width**2
    # Forward once and backward twice; validation and test add about a quarter.
    training = 3.25 * operations * images * cell.settings.epochs / rate
    return _START_SECONDS + _TRACE_SECONDS_PER_LAYER * layers + training
