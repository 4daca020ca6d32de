"""Where the attention layers of a network go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from attention_fer import layers


@dataclass(frozen=True)
class Placement:
    """Which module (`spec`, see `layers.get`), at which positions, in which stages."""

    spec: layers.Spec
    positions: frozenset[str | int]
    stages: frozenset[int]

    def __call__(self, x: Any, position: str | int, stage: int, name: str) -> Any:
        """Puts a fresh layer called `<name>_attention` on `x` if this is a place for one."""
        if self.spec is None or position not in self.positions or stage not in self.stages:
            return x
        layer = layers.get(self.spec, name=f"{name}_attention")
        return x if layer is None else layer(x)


def chosen_stages(given: Sequence[int] | None, allowed: Sequence[int]) -> frozenset[int]:
    """The stages of `attention_stages`, all of them for None.

    Raises:
        ValueError: no stage at all, or one the network does not have.
    """
    if given is None:
        return frozenset(allowed)
    stages = tuple(given) if isinstance(given, Iterable) else (given,)
    if not stages or not set(stages) <= set(allowed):
        raise ValueError(f"attention_stages must be some of {tuple(allowed)}, given: {given!r}.")
    return frozenset(stages)
