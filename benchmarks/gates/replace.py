"""Runs a network with its gates replaced by their means."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from attention_fer.common.checks import one_of
from attention_fer.explain.maps.layer_tree import attention_layers
from attention_fer.explain.maps.running import wrapped_call
from attention_fer.layers import AttentionModule
from benchmarks.gates.measure import GateStatistics

WAYS = {
    "mean over images": lambda mean: mean,
    "one number": lambda mean: np.full_like(mean, mean.mean()),
}
"""What takes a gate's place: its mean over the images, for each channel and position, which no
longer depends on the image; or the mean of that, which weighs nothing any more."""


@contextlib.contextmanager
def replaced(
    model: keras.Model, statistics: Sequence[GateStatistics], way: str, module: str | None = None
) -> Iterator[None]:
    """Within the block, the gates and terms of `model` are constants.

    Args:
        model: the network that `statistics` were measured on.
        statistics: see `measure`.
        way: a name in `WAYS`.
        module: path of the only module to change; None for all.

    Raises:
        ValueError: an unknown way or module.
    """
    constant = WAYS[one_of("way", way, WAYS)]
    modules = attention_layers(model)
    paths = list(modules) if module is None else [one_of("attention module", module, modules)]
    with contextlib.ExitStack() as hooks:
        for path in paths:
            own = [one for one in statistics if one.module == path]
            parts = {(one.kind, one.name): constant(one.mean)[None] for one in own}
            hooks.enter_context(_constant(modules[path], parts))
        yield


def _constant(
    module: AttentionModule, parts: dict[tuple[str, str], np.ndarray]
) -> contextlib.AbstractContextManager[None]:
    def call(original: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        def tensors(kind: str) -> dict[str, Any]:
            return {
                name: ops.convert_to_tensor(value, module.compute_dtype)
                for (of, name), value in parts.items()
                if of == kind
            }

        outputs = module.combine(inputs, tensors("gate"))
        for term in tensors("term").values():
            outputs = ops.add(outputs, term)
        return outputs

    return wrapped_call(module, call)
