"""Time of each attention layer, ours against a functional graph of Keras layers.

Forward pass and training step, alternating in one process. Below 1 ours is faster; the spread over
the rounds shows which digits are meaningful.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import layers as kl
from keras import ops
from rich.console import Console
from rich.progress import track

from attention_fer import layers
from attention_fer.layers.eca import eca_kernel_size
from benchmarks.measurements import show
from benchmarks.speed import plain_mixed, plain_positions, plain_statistics
from benchmarks.speed.ratios import ratio
from benchmarks.train import cost

SHAPE = (32, 24, 24, 128)


def plain_se(x: Any) -> Any:
    """Squeeze-and-Excitation as a functional graph."""
    channels = x.shape[-1]
    gate = kl.GlobalAveragePooling2D()(x)
    gate = kl.Dense(channels // 16, activation="relu")(gate)
    gate = kl.Dense(channels, activation="sigmoid")(gate)
    return kl.Multiply()([x, kl.Reshape((1, 1, channels))(gate)])


def plain_eca(x: Any) -> Any:
    """ECA as a functional graph."""
    channels = x.shape[-1]
    gate = kl.Reshape((channels, 1))(kl.GlobalAveragePooling2D()(x))
    size = eca_kernel_size(channels)
    gate = kl.Conv1D(1, size, padding="same", use_bias=False, activation="sigmoid")(gate)
    return kl.Multiply()([x, kl.Reshape((1, 1, channels))(gate)])


def plain_channel(x: Any) -> Any:
    """CBAM's channel half as a functional graph."""
    channels = x.shape[-1]
    first, second = kl.Dense(channels // 16, activation="relu"), kl.Dense(channels)
    mean, maximum = kl.GlobalAveragePooling2D()(x), kl.GlobalMaxPooling2D()(x)
    gate = kl.Add()([second(first(mean)), second(first(maximum))])
    gate = kl.Reshape((1, 1, channels))(kl.Activation("sigmoid")(gate))
    return kl.Multiply()([x, gate])


def plain_spatial(x: Any) -> Any:
    """CBAM's spatial half as a functional graph."""
    pooled = kl.Concatenate()(
        [ops.max(x, axis=-1, keepdims=True), ops.mean(x, axis=-1, keepdims=True)]
    )
    gate = kl.Conv2D(1, 7, padding="same", use_bias=False)(pooled)
    gate = kl.BatchNormalization(epsilon=1e-5, gamma_initializer="zeros")(gate)
    return kl.Multiply()([x, kl.Activation("sigmoid")(gate)])


def plain_cbam(x: Any) -> Any:
    """CBAM as a functional graph."""
    return plain_spatial(plain_channel(x))


PLAIN: dict[str, Callable[[Any], Any]] = {
    "se": plain_se,
    "eca": plain_eca,
    "cbam_channel": plain_channel,
    "cbam_spatial": plain_spatial,
    "cbam": plain_cbam,
    "coord": plain_positions.plain_coord,
    "triplet": plain_positions.plain_triplet,
    "cse": plain_positions.plain_cse,
    "sse": plain_positions.plain_sse,
    "scse": plain_positions.plain_scse,
    "bam": plain_positions.plain_bam,
    "lka": plain_positions.plain_lka,
    "van_attention": plain_positions.plain_van_attention,
    "gc": plain_mixed.plain_gc,
    "dan": plain_mixed.plain_dan,
    "ema": plain_mixed.plain_ema,
    "fca": plain_mixed.plain_fca,
    "shuffle": plain_mixed.plain_shuffle,
    "simam": plain_statistics.plain_simam,
    "srm": plain_statistics.plain_srm,
    "ese": plain_statistics.plain_ese,
    "gct": plain_statistics.plain_gct,
    "nam": plain_statistics.plain_nam,
    "pfaam": plain_statistics.plain_pfaam,
    "sge": plain_statistics.plain_sge,
}


def model(module: Callable[[Any], Any]) -> keras.Model:
    """Returns a model of the module only, with a loss that requires all gradients."""
    x = keras.Input(SHAPE[1:])
    built = keras.Model(x, module(x))
    built.compile("sgd", "mean_squared_error")
    return built


def compare(ours: Callable[..., Any], plain: Callable[..., Any], rounds: int, *data: Any) -> str:
    """Returns median and quartiles of the ratios of the two times, measured interleaved."""

    def call(function: Callable[..., Any]) -> None:
        function(*data)

    times = cost.interleaved({"ours": partial(call, ours), "plain": partial(call, plain)}, rounds)
    return ratio(times["ours"], times["plain"])


def layer_ratios(name: str, rounds: int) -> tuple[str, str]:
    """Returns time ratios of a layer to its plain graph: forward pass, and training step."""
    x = np.random.default_rng(0).normal(size=SHAPE).astype("float32")
    layer = layers.get(name)
    assert layer is not None
    ours, plain = model(layer), model(PLAIN[name])
    forward = compare(ours.predict_on_batch, plain.predict_on_batch, rounds, x)
    return forward, compare(ours.train_on_batch, plain.train_on_batch, rounds, x, x)


def add_arguments(add: Callable[..., Any]) -> None:
    """Adds the arguments of this measurement."""
    add("--rounds", type=int, default=60, help="repetitions (default: 60)")


def run(options: argparse.Namespace, console: Console) -> None:
    """Measures and prints every layer with a plain counterpart here.

    Raises:
        ValueError: there are fewer than two rounds.
    """
    title = f"Time of our layer / plain graph, batch {SHAPE}, {keras.backend.backend()}"
    rows = [
        (name, *layer_ratios(name, options.rounds))
        for name in track(list(PLAIN), "measuring", console=console, transient=True)
    ]
    columns = ("layer", "forward", "training step")
    show(console, title, columns, rows, "median of the ratios (quartiles)")
