"""A training step with its input pipeline against the same step with data on the device.

Both are epochs of `fit`, alternating in one process, without the first step of each epoch. The
device holds a single batch, which is used for every step. A ratio of 1.05 means that the input
pipeline costs 5 % of a step.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from rich.console import Console
from rich.progress import track

from attention_fer import models
from attention_fer.common.checks import positive_int
from attention_fer.training.model import training_model
from benchmarks.measurements import show
from benchmarks.plan.settings import profile
from benchmarks.speed.ratios import ratio
from benchmarks.train import cost
from benchmarks.train.callbacks import TrainingSequence
from benchmarks.train.data import DataPart

SHAPE, CLASSES = (48, 48, 1), 7


class OnDevice(keras.utils.PyDataset):
    """The same batch of tensors `steps` times."""

    def __init__(self, batch: tuple[Any, Any], steps: int):
        super().__init__()
        self.batch = tuple(keras.ops.convert_to_tensor(part) for part in batch)
        self.steps = steps

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        return self.batch


def on_device(batch: tuple[Any, Any], steps: int) -> Any:
    """Returns data for `fit`: a batch on the device, `steps` times."""
    if keras.backend.backend() != "tensorflow":
        return OnDevice(batch, steps)
    import tensorflow as tf

    return tf.data.Dataset.from_tensors(batch).repeat(steps)


def add_arguments(add: Callable[..., Any]) -> None:
    """Adds the arguments of this measurement."""
    add("--backbones", nargs="+", default=["vgg16", "resnet50"], metavar="NAME")
    add("--width", type=float, default=0.125, metavar="X", help="(default: 0.125)")
    add("--batch-size", type=int, default=64, metavar="N", help="(default: 64)")
    add("--precision", default="float32", metavar="POLICY", help="(default: float32)")
    add("--steps", type=int, default=10, metavar="N", help="steps per epoch (default: 10)")
    add("--rounds", type=int, default=15, metavar="N", help="repetitions (default: 15)")


def run(options: argparse.Namespace, console: Console) -> None:
    """Measures and prints a row for each backbone.

    Raises:
        ValueError: a backbone is unknown, or a number is out of range.
    """
    positive_int("--steps", options.steps)
    title = f"Step with its data / with data on the device, {keras.backend.backend()}"
    rows = []
    for name in track(options.backbones, "measuring", console=console, transient=True):
        times = measure(name, options)
        speed = options.batch_size / float(np.median(times["from batches"]))
        found = ratio(times["from batches"], times["on the device"], digits=3)
        rows.append((name, f"{speed:,.0f}", found))
    show(console, title, ("backbone", "images/s", "ratio"), rows, "median (quartiles)")


def measure(backbone: str, options: argparse.Namespace) -> dict[str, list[float]]:
    """Returns the seconds of a step in each round, both ways."""
    keras.config.set_dtype_policy(options.precision)
    settings = profile("full", width=options.width, batch_size=options.batch_size)
    inner = models.build(backbone, input_shape=SHAPE, classes=CLASSES, width=options.width, seed=0)
    made = training_model(inner, settings, seed=0)
    made.compile()
    steps = options.steps + 1
    rows = np.arange(options.batch_size * steps)
    images = np.random.default_rng(0).integers(0, 256, (len(rows), *SHAPE), np.uint8)
    batches = TrainingSequence(DataPart(images, rows % CLASSES, rows), options.batch_size, seed=0)
    fed = on_device(batches[0], steps)
    return cost.interleaved(
        {
            "from batches": lambda: cost.epoch_of_steps(made, batches, options.steps),
            "on the device": lambda: cost.epoch_of_steps(made, fed, options.steps),
        },
        options.rounds,
    )
