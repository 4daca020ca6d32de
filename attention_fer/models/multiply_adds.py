"""Counts the multiply-adds of a network from its layers and their shapes."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import layers as kl

from attention_fer.common import keras_private
from attention_fer.models.parts.self_attention import SelfAttention
from attention_fer.models.parts.tokens import LearnedTokens, PositionEmbedding

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
    """Return the multiply-adds of the convolutions and dense layers for one image.

    Layers inside attention modules count each time they are called. Self-attention counts with its
    four projections and its two products between tokens; what it computes of positions alone is
    the same for all images and does not count. As usual, padding counts as if it were image, and
    biases, normalisations, activations, poolings, scales of single channels and the products with a
    gate do not count.

    Raises:
        TypeError: a layer with a matrix of weights whose use is unknown.
    """
    if not keras_private.is_functional(model):
        return _called(model, model.input_shape, model.inputs[0].dtype)
    known: dict[str, int] = {}
    total = 0
    for node in keras_private.nodes(model):
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


def multiply_adds_of_call(
    layer: kl.Layer, given: keras.KerasTensor, output: keras.KerasTensor
) -> int:
    """Return the multiply-adds of one call of a layer, from what it is given and returns.

    Raises:
        TypeError: see `multiply_adds`.
    """
    return _of_node(layer, given, output) if _costs(layer) else 0


def _costs(layer: kl.Layer) -> bool:
    return isinstance(layer, ATTENDING) or any(
        map(_multiplies, keras_private.flatten_layers(layer))
    )


def _of_node(layer: kl.Layer, given: keras.KerasTensor, output: keras.KerasTensor) -> int:
    if isinstance(layer, ATTENDING):
        return _attending(layer, given.shape)
    if _multiplies(layer):
        return _of_call(layer, given.shape, output.shape)
    return _called(layer, given.shape, given.dtype)


def _attending(layer: kl.Layer, shape: tuple[int, ...]) -> int:
    """Of self-attention on (batch, tokens, channels)."""
    inside = keras_private.flatten_layers(layer, include_self=False)
    kernels = [one.kernel.shape for one in inside if hasattr(one, "kernel")]
    tokens, width = shape[1], math.prod(kernels[0][1:])
    return tokens * sum(map(math.prod, kernels)) + 2 * tokens**2 * width


def _called(layer: kl.Layer, shape: tuple[int, ...], dtype: str) -> int:
    """The sum over the layers inside, each as often as it is called."""
    found: list[int] = []
    with _counted(layer, found):
        _Probe(layer)(keras.KerasTensor((1, *shape[1:]), dtype=dtype))
    return sum(found)


class _Probe(kl.Layer):
    """Calls a layer with tensors that have a shape but no content, in each backend's own way."""

    def __init__(self, layer: kl.Layer):
        super().__init__()
        self.layer = layer

    def call(self, inputs: Any) -> Any:
        return self.layer(inputs)


@contextlib.contextmanager
def _counted(whole: kl.Layer, found: list[int]) -> Iterator[None]:
    """Within the block, each call of the layers inside appends its multiply-adds to `found`."""
    counted = [layer for layer in keras_private.flatten_layers(whole) if _multiplies(layer)]
    for layer in counted:
        layer.call = _counting(layer, layer.call, found)
    try:
        yield
    finally:
        for layer in counted:
            del layer.call


def _multiplies(layer: kl.Layer) -> bool:
    if isinstance(layer, ADDED):
        return False
    own = [weight for weight in keras_private.own_variables(layer) if len(weight.shape) > 1]
    if own and not isinstance(layer, (kl.Dense, *CONVOLUTIONS, *TRANSPOSED)):
        raise TypeError(
            f"The multiply-adds of {type(layer).__name__} (layer {layer.name}) are unknown: add "
            "it to attention_fer.models.multiply_adds."
        )
    return bool(own)


def _counting(layer: kl.Layer, call: Callable[..., Any], found: list[int]) -> Callable[..., Any]:
    def counted(inputs: Any, *arguments: Any, **options: Any) -> Any:
        outputs = call(inputs, *arguments, **options)
        # A layer may have folded parts of the image into the batch, which is 1 otherwise.
        parts = inputs.shape[0]
        found.append(parts * _of_call(layer, tuple(inputs.shape), tuple(outputs.shape)))
        return outputs

    return counted


def _of_call(layer: kl.Layer, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> int:
    """Each weight of a kernel is used once at every position of the output.

    A transposed convolution goes the other way: once at every position of its input.
    """
    shape = inputs if isinstance(layer, TRANSPOSED) else outputs
    first = getattr(layer, "data_format", "channels_last") == "channels_first"
    positions = math.prod(shape[2:] if first else shape[1:-1])
    weights = sum(
        math.prod(w.shape) for w in keras_private.own_variables(layer) if len(w.shape) > 1
    )
    return positions * weights
