"""What a network costs, and what its attention adds: parameters, multiply-adds, time."""

from __future__ import annotations

import contextlib
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
from keras import layers as kl

from attention_fer.models.parts.self_attention import SelfAttention
from attention_fer.models.parts.tokens import LearnedTokens, PositionEmbedding
from attention_fer.training import freezing
from benchmarks.plan.cell import Cell
from benchmarks.train import timing
from benchmarks.train.callbacks import Batches
from benchmarks.train.data import Part

CONVOLUTIONS = (
    kl.Conv1D,
    kl.Conv2D,
    kl.Conv3D,
    kl.DepthwiseConv1D,
    kl.DepthwiseConv2D,
    kl.SeparableConv1D,
    kl.SeparableConv2D,
)
TRANSPOSED = (kl.Conv1DTranspose, kl.Conv2DTranspose, kl.Conv3DTranspose)
ATTENDING = (kl.MultiHeadAttention, SelfAttention)
ADDED = (LearnedTokens, PositionEmbedding)
"""Layers whose weights multiply nothing."""


def multiply_adds(model: keras.Model) -> int:
    """Multiplications, each with its addition, of the convolutions and dense layers for one image.

    Those of layers inside attention modules are counted each time they are called. Self-attention
    has those of its four projections and of its two products between tokens; what it makes of
    positions alone is the same for all images and does not count. As usual, padding counts as if
    it were image, and biases, normalisations, activations, poolings and the products with a gate
    do not count.

    Raises:
        TypeError: a layer with a matrix of weights whose multiplications it does not know.
    """
    if not isinstance(model, keras.src.models.functional.Functional):
        return _called(model, model.input_shape, model.inputs[0].dtype)
    known: dict[str, int] = {}
    total = 0
    for node in [node for depth in model._nodes_by_depth.values() for node in depth]:
        layer = node.operation
        if not isinstance(layer, kl.Layer) or not _costs(layer):
            continue
        # A network repeats its blocks: equal layers on equal shapes are counted once.
        config = {**layer.get_config(), "name": ""}
        key = f"{type(layer)} {config} {node.input_tensors[0].shape}"
        if key not in known:
            known[key] = _of_node(layer, node.input_tensors[0], node.output_tensors[0])
        total += known[key]
    return total


def _costs(layer: kl.Layer) -> bool:
    return isinstance(layer, ATTENDING) or any(map(_multiplies, layer._flatten_layers()))


def _of_node(layer: kl.Layer, given: keras.KerasTensor, output: keras.KerasTensor) -> int:
    if isinstance(layer, ATTENDING):
        return _attending(layer, given.shape)
    if _multiplies(layer):
        return _of_call(layer, given.shape, output.shape)
    return _called(layer, given.shape, given.dtype)


def _attending(layer: kl.Layer, shape: tuple[int, ...]) -> int:
    """Of self-attention on (batch, tokens, channels)."""
    inside = layer._flatten_layers(include_self=False)
    kernels = [one.kernel.shape for one in inside if hasattr(one, "kernel")]
    tokens, width = shape[1], math.prod(kernels[0][1:])
    return tokens * sum(map(math.prod, kernels)) + 2 * tokens**2 * width


def _called(layer: kl.Layer, shape: tuple[int, ...], dtype: str) -> int:
    """The sum over the layers inside, each as often as it is called."""
    found: list[int] = []
    with _counted(layer, found):
        _Probe(layer)(keras.KerasTensor((1, *shape[1:]), dtype=dtype))
    return sum(found)


def cost(
    cell: Cell,
    reference: Cell,
    image_shape: tuple[int, ...],
    classes: int,
    rounds: int = 20,
    steps: int = 5,
) -> dict[str, Any]:
    """What `cell` costs beside `reference`, as JSON; see `measure`.

    Of a network that is partly frozen at first, the steps are those of the beginning. Mixed
    labels, weights of classes and a teacher are not part of it.
    """
    from benchmarks.train.model import trainable, unmixed
    from benchmarks.train.network import network, set_norm_momentum

    keras.config.set_dtype_policy(cell.settings.precision)
    networks, models = {}, {}
    for name, one in (("network", cell), ("reference", reference)):
        networks[name] = network(one, image_shape, classes)
        set_norm_momentum(networks[name], one.settings.norm_momentum)
        if one.settings.freeze:
            freezing.freeze(networks[name], one.settings.freeze)
        made = trainable(networks[name], unmixed(one.settings), one.seed, image_shape=image_shape)
        made.compile()
        models[name] = made.model
    counts = {
        "parameters": {name: int(model.count_params()) for name, model in networks.items()},
        "multiply_adds": {name: multiply_adds(model) for name, model in networks.items()},
    }
    batch = int(cell.settings.batch_size or 64)
    times = measure(models, batch, rounds, steps)
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


def measure(
    models: Mapping[str, keras.Model], batch_size: int, rounds: int = 20, steps: int = 5
) -> dict[str, dict[str, list[float]]]:
    """Times of compiled models of uint8 images, turn by turn in this process.

    Returns:
        Seconds in each round, by model, of `step` (a training step of a `fit`, with its data, the
        mean of `steps`), `image` and `batch` (`predict_on_batch` of one image and of a batch).

    Raises:
        ValueError: fewer than two rounds or one step.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, given: {steps}.")
    kinds: dict[str, Callable[[keras.Model], timing.Timed]] = {
        "step": lambda model: _step(model, batch_size, steps),
        "image": lambda model: _prediction(model, 1),
        "batch": lambda model: _prediction(model, batch_size),
    }
    return {
        kind: timing.seconds({name: make(model) for name, model in models.items()}, rounds)
        for kind, make in kinds.items()
    }


class _Probe(kl.Layer):
    """Calls a layer with tensors that have a shape and no content, in each backend's own way."""

    def __init__(self, layer: kl.Layer):
        super().__init__()
        self.layer = layer

    def call(self, inputs: Any) -> Any:
        return self.layer(inputs)


@contextlib.contextmanager
def _counted(whole: kl.Layer, found: list[int]) -> Iterator[None]:
    """While it lasts, the layers inside tell `found` what each of their calls multiplies."""
    counted = [layer for layer in whole._flatten_layers() if _multiplies(layer)]
    for layer in counted:
        layer.call = _telling(layer, layer.call, found)
    try:
        yield
    finally:
        for layer in counted:
            del layer.call


def _multiplies(layer: kl.Layer) -> bool:
    if isinstance(layer, ADDED):
        return False
    own = [weight for weight in layer._trainable_variables if len(weight.shape) > 1]
    if own and not isinstance(layer, (kl.Dense, *CONVOLUTIONS, *TRANSPOSED)):
        raise TypeError(
            f"The multiply-adds of {type(layer).__name__} are not known, layer {layer.name}: add "
            "it to benchmarks.train.multiply_adds."
        )
    return bool(own)


def _telling(layer: kl.Layer, call: Callable[..., Any], found: list[int]) -> Callable[..., Any]:
    def told(inputs: Any, *arguments: Any, **options: Any) -> Any:
        outputs = call(inputs, *arguments, **options)
        found.append(_of_call(layer, tuple(inputs.shape), tuple(outputs.shape)))
        return outputs

    return told


def _of_call(layer: kl.Layer, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> int:
    """Each weight of a kernel is used once at every position of the output, but for the channels.

    A transposed convolution goes the other way: once at every position of its input.
    """
    shape = inputs if isinstance(layer, TRANSPOSED) else outputs
    first = getattr(layer, "data_format", "channels_last") == "channels_first"
    positions = math.prod(shape[2:] if first else shape[1:-1])
    weights = sum(math.prod(w.shape) for w in layer._trainable_variables if len(w.shape) > 1)
    return positions * weights


def _prediction(model: keras.Model, n: int) -> timing.Timed:
    images = _images(model, n)

    def predict() -> None:
        model.predict_on_batch(images)

    return predict


def _step(model: keras.Model, batch_size: int, steps: int) -> timing.Timed:
    n = batch_size * (steps + 1)
    labels = np.arange(n) % model.output_shape[-1]
    batches = Batches(Part(_images(model, n), labels, np.arange(n)), batch_size, seed=0)

    return lambda: epoch_of_steps(model, batches, steps)


def epoch_of_steps(model: keras.Model, batches: Any, steps: int) -> float:
    """Seconds of a step, the mean of `steps`: an epoch of one more, whose first does not count."""
    timer = _Steps()
    model.fit(batches, shuffle=False, verbose=0, callbacks=[timer])
    return timer.spent / steps


def _images(model: keras.Model, n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, *model.input_shape[1:]), np.uint8)


class _Steps(keras.callbacks.Callback):
    """Seconds of the steps after the first, which pays for the start of the epoch."""

    spent = 0.0

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if batch == 1:
            self.spent = -time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # By now Keras has waited for the loss of the last step.
        self.spent += time.perf_counter()
