"""The parts of a network that no pattern selects: its beginning and its head."""

from __future__ import annotations

import itertools

from keras import layers as kl

from attention_fer.attaching.graph import Call, Graph

_HEADS = (kl.Dense, kl.EinsumDense, kl.Conv1D, kl.Conv2D, kl.Conv3D)


def beginning(graph: Graph) -> set[Call]:
    """Return the calls before the first layer with weights to train: inputs and preprocessing."""
    begun: set[Call] = set()
    for call in graph.calls:
        if call.learns or any(parent in begun for parent in call.parents):
            begun.add(call)
    return set(graph.calls) - begun


def head(graph: Graph) -> set[Call]:
    """Return the calls of the head.

    It begins where the map becomes a vector for good: a global pooling, or a call whose output has
    no spatial axes. Where that never happens, it begins at a dense or convolutional layer that
    computes the output, if only activations, reshapes and resizings follow.
    """
    found = {first for trunk in graph.trunks() if (first := _first_of_head(trunk)) is not None}
    for call in graph.calls:
        if any(parent in found for parent in call.parents):
            found.add(call)
    return found


def _first_of_head(trunk: list[Call]) -> Call | None:
    after_maps = itertools.takewhile(lambda call: not _is_map(call), reversed(trunk))
    vectors = [call for call in after_maps if _makes_a_vector(call)]
    return vectors[-1] if vectors else _last_layer(trunk)


def _is_map(call: Call) -> bool:
    return any(axis != 1 for axis in call.size)


def _makes_a_vector(call: Call) -> bool:
    return not call.size or type(call.operation).__name__.startswith("Global")


def _last_layer(trunk: list[Call]) -> Call | None:
    """Return the dense or convolutional layer that computes the output, if one does."""
    for call in reversed(trunk):
        if isinstance(call.operation, _HEADS):
            return call
        if call.learns or call.is_input or _pools_or_merges(call):
            return None
    return None


def _pools_or_merges(call: Call) -> bool:
    return len(call.parents) != 1 or "Pool" in type(call.operation).__name__
