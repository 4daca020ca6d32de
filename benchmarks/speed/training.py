"""Images per second in training and prediction: a recipe against plain Keras.

Plain Keras is the same network of Keras's own layers, without attention modules of ours and without
what the recipe adds to a step: augmentation, averaged weights and predictions, label smoothing.
Both alternate in one process. TF_NUM_INTRAOP_THREADS=1 in the environment shows a single core.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
from rich.console import Console
from rich.progress import track

from attention_fer import models, recipes
from attention_fer.layers import AttentionModule
from attention_fer.recipes import Recipe
from attention_fer.training.model import TrainingModel, training_model
from benchmarks.measurements import show
from benchmarks.plan.job import JIT
from benchmarks.speed.layers import PLAIN
from benchmarks.speed.ratios import relative
from benchmarks.train import cost

CLASSES = 7


def add_arguments(add: Callable[..., Any]) -> None:
    """Adds the arguments of this measurement."""
    add("--backbone", default="small_resnet", metavar="NAME", help="(default: small_resnet)")
    add("--attention", choices=["none", *PLAIN], default="se", help="(default: se)")
    add("--recipe", default="fer-small", metavar="NAME", help="(default: fer-small)")
    add("--widths", type=float, nargs="+", default=[1.0], metavar="X", help="(default: 1)")
    add("--sizes", type=int, nargs="+", default=[44], metavar="N", help="crop (default: 44)")
    add("--jit", nargs="+", choices=list(JIT), default=["auto"], help="XLA (default: auto)")
    add("--steps", type=int, default=5, metavar="N", help="steps per epoch (default: 5)")
    add("--rounds", type=int, default=5, metavar="N", help="repetitions (default: 5)")


def run(options: argparse.Namespace, console: Console) -> None:
    """Measures and prints a row for each width, size and choice of XLA.

    Raises:
        ValueError: a name is unknown, or a number is out of range.
    """
    rows = []
    cases = [(w, s, j) for w in options.widths for s in options.sizes for j in options.jit]
    for width, size, jit in track(cases, "measuring", console=console, transient=True):
        network = _network(options, width, size)
        recipe = replace(recipes.get(options.recipe), crop_size=size)
        both = {
            "ours": _compiled(network, recipe, jit),
            "plain": _compiled(_plain(network, options.attention), _bare(recipe), jit),
        }
        batch = int(recipe.batch_size or 64)
        times = cost.measure(both, batch, options.rounds, options.steps)
        cells = [_speed(times[kind], batch) for kind in ("step", "batch")]
        rows.append((f"{width:g}", str(size), jit, f"{network.count_params():,}", *cells))
    show(
        console,
        f"Images/s of {options.backbone} {options.attention}, {keras.backend.backend()}",
        ("width", "pixels", "XLA", "parameters", "training", "prediction"),
        rows,
        "median; in brackets relative to plain Keras (quartiles)",
    )


def _network(options: argparse.Namespace, width: float, size: int) -> keras.Model:
    attention = None if options.attention == "none" else options.attention
    shape = {"input_shape": (size, size, 1), "classes": CLASSES}
    return models.build(options.backbone, attention=attention, width=width, seed=0, **shape)


def _compiled(network: keras.Model, recipe: Recipe, jit: str) -> TrainingModel:
    side = max(48, recipe.crop_size or 0)
    made = training_model(network, recipe, image_shape=(side, side, 1))
    made.compile(steps=1000, jit_compile=JIT[jit])
    return made


def _plain(network: keras.Model, attention: str) -> keras.Model:
    """The network of Keras's layers alone."""

    def call(layer: keras.layers.Layer, *args: Any, **kwargs: Any) -> Any:
        if isinstance(layer, AttentionModule):
            return PLAIN[attention](*args)
        return layer(*args, **kwargs)

    return keras.models.clone_model(network, call_function=call)


def _bare(recipe: Recipe) -> Recipe:
    """The optimizer and the input of a recipe."""
    return Recipe(
        optimizer=recipe.optimizer,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        crop_size=recipe.crop_size,
        zoom=0.0,
        flip=False,
    )


def _speed(times: dict[str, list[float]], batch: int) -> str:
    ours, plain = ([batch / seconds for seconds in times[name]] for name in ("ours", "plain"))
    return relative(ours, plain)
