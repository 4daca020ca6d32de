"""Functions that turn logits into gates, each with its form for the identity start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keras import ops

Range = tuple["float | None", "float | None"]


@dataclass(frozen=True)
class GateKind:
    """A function from logits to gates.

    Attributes:
        function: as published.
        low, high: bounds of its values; None without a bound.
        factor, shift: `factor * function(z) + shift` is 1 at `z = 0`.
    """

    function: Callable[[Any], Any]
    low: float | None
    high: float | None
    factor: float = 1.0
    shift: float = 0.0

    def __call__(self, logits: Any, start: str) -> Any:
        gate = self.function(logits)
        if start != "identity":
            return gate
        gate = gate if self.factor == 1 else gate * self.factor
        return gate if self.shift == 0 else gate + self.shift

    def range(self, start: str) -> Range:
        """Return the bounds of the values, None where there is none."""
        if start != "identity":
            return self.low, self.high
        low, high = (
            None if bound is None else self.factor * bound + self.shift
            for bound in (self.low, self.high)
        )
        return low, high


GATE_KINDS = {
    "sigmoid": GateKind(ops.sigmoid, 0.0, 1.0, factor=2.0),
    "hard_sigmoid": GateKind(ops.hard_sigmoid, 0.0, 1.0, factor=2.0),
    "one_plus_sigmoid": GateKind(lambda z: 1 + ops.sigmoid(z), 1.0, 2.0, shift=-0.5),
    "one_plus_tanh": GateKind(lambda z: 1 + ops.tanh(z), 0.0, 2.0),
    "relu": GateKind(ops.relu, 0.0, None, shift=1.0),
    "linear": GateKind(lambda z: z, None, None, shift=1.0),
}
