"""Places found from the graph of a network: residual branches and stages."""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Iterator

import keras
from keras import layers as kl

from attention_fer.attaching.ends import beginning, head
from attention_fer.attaching.graph import Call, Graph, Shape

# Operations of `keras.ops` have classes of these names, too. The last one is Inception-ResNet's.
_ADDING = {"Add", "CustomScaleLayer"}
_DROPPING = re.compile(r"(Spatial|Gaussian|Alpha)?Dropout(\dD)?|StochasticDepth|DropPath")
_RESIZING = re.compile(r"(Zero)?Pad(ding\dD)?|Cropping\dD|(Max|Average|Adaptive).*Pool.*")
_LONGEST_SHORTCUT = 1
_STEP = 1.5


def residual(graph: Graph) -> list[Call]:
    """Return the last call of each residual branch.

    A branch ends in an addition, and a shortcut bypasses it: another path from the same call to
    the same addition, with at most one kernel and fewer than the branch. A dropout or stochastic
    depth between the branch and the addition does not count as part of the branch.
    """
    ancestors: list[int] = []  # Of each call, with itself, as the bits of a number.
    for call in graph.calls:
        before = (ancestors[parent.index] for parent in call.parents)
        ancestors.append(functools.reduce(operator.or_, before, 1 << call.index))
    sums = (call for call in graph.calls if _is_a(call, _ADDING.__contains__))
    ends = [end for call in sums for end in _branches(call, graph, ancestors)]
    return list(dict.fromkeys(ends))


def stage(graph: Graph) -> list[Call]:
    """Return the last call of each resolution that every path through the network passes.

    A resolution ends where an axis shrinks or grows by half or more, so that convolutions without
    padding stay within one. Padding, cropping and pooling belong to the layer after them.

    Args:
        graph: with known sizes.
    """
    outside = beginning(graph) | head(graph)
    found: list[Call] = []
    for trunk in graph.trunks():
        last: Call | None = None
        for call in trunk:
            if call in outside or not call.size or _is_a(call, _RESIZING.fullmatch):
                continue
            if last is not None and _differ(last.size, call.size):
                found.append(last)
            last = call
        found += [last] if last is not None else []
    return list(dict.fromkeys(found))


def _branches(addition: Call, graph: Graph, ancestors: list[int]) -> Iterator[Call]:
    ends = list(dict.fromkeys(addition.parents))
    common = functools.reduce(operator.and_, (ancestors[end.index] for end in ends))
    if len(ends) < 2 or not common:
        return
    fork = common.bit_length() - 1  # The last call that all of them need.
    lengths = {fork: 0}
    for call in graph.calls[fork + 1 : addition.index]:
        before = [lengths[parent.index] for parent in call.parents if parent.index in lengths]
        if before:
            lengths[call.index] = max(before) + call.kernels
    shortcut = min(lengths[end.index] for end in ends)
    for end in ends:
        if shortcut <= _LONGEST_SHORTCUT and lengths[end.index] > shortcut:
            while _is_a(end, _DROPPING.fullmatch) or _does_nothing(end):
                (end,) = end.parents
            yield end


def _is_a(call: Call, named: Callable[[str], object]) -> bool:
    return bool(named(type(call.operation).__name__))


def _does_nothing(call: Call) -> bool:
    """Whether a call is the linear activation that stands for a stochastic depth of rate 0."""
    layer = call.operation
    return isinstance(layer, kl.Activation) and layer.activation is keras.activations.linear


def _differ(size: Shape, other: Shape) -> bool:
    """Whether two resolutions belong to different stages."""
    if len(size) != len(other):
        return True
    pairs = ((a, b) for a, b in zip(size, other, strict=True) if a and b)
    return any(max(a, b) >= _STEP * min(a, b) for a, b in pairs)
