"""What a network costs beside another: parameters, multiply-adds and time."""

from __future__ import annotations

import statistics
from typing import Any

import keras
import numpy as np

from attention_fer.training import freezing
from attention_fer.training.model import TrainingModel, training_model
from benchmarks.plan.cell import Cell
from benchmarks.plan.execution import Execution
from benchmarks.train import devices, timing
from benchmarks.train.multiply_adds import multiply_adds
from benchmarks.train.network import network, set_norm_momentum


def cost(
    cell: Cell,
    reference: Cell,
    image_shape: tuple[int, ...],
    classes: int,
    rounds: int = 20,
    steps: int = 5,
) -> dict[str, Any]:
    """Return what `cell` costs beside `reference`, as JSON; see `timing.measure`.

    Steps are those of the first epoch, with what is frozen there. Teachers are left out.
    """
    keras.config.set_dtype_policy(cell.settings.precision)
    models = {
        name: _training_model(one, image_shape, classes)
        for name, one in (("network", cell), ("reference", reference))
    }
    networks = {name: model.network for name, model in models.items()}
    counts = {
        "parameters": {name: int(one.count_params()) for name, one in networks.items()},
        "multiply_adds": {name: multiply_adds(one) for name, one in networks.items()},
    }
    batch = int(cell.settings.batch_size or 64)
    times = timing.measure(models, batch, rounds, steps)
    ratios = {name: count["network"] / count["reference"] for name, count in counts.items()}
    timed = {name: timing.ratios(t["network"], t["reference"]) for name, t in times.items()}
    return {
        "reference": reference.spec,
        "batch_size": batch,
        "rounds": rounds,
        **counts,
        "seconds": {
            name: {key: statistics.median(value) for key, value in of.items()}
            for name, of in times.items()
        },
        "ratio": {**ratios, **timed},
    }


def _training_model(cell: Cell, image_shape: tuple[int, ...], classes: int) -> TrainingModel:
    settings, inner = cell.settings, network(cell, image_shape, classes)
    set_norm_momentum(inner, settings.norm_momentum)
    if settings.freeze:
        freezing.freeze(inner, settings.freeze)
    labels = np.arange(classes)  # equal classes: what class weights cost, not what they are
    made = training_model(inner, settings, seed=cell.seed, image_shape=image_shape, labels=labels)
    made.compile(**devices.compilation(Execution()))
    return made
