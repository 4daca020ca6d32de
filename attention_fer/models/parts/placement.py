"""Places of the attention layers in a network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from attention_fer import layers
from attention_fer.common.checks import one_of

CONVOLUTION_POSITIONS = ("last", "every")

Positions = str | Sequence[int]


@dataclass(frozen=True)
class Placement:
    """Which module (`spec`, see `layers.get`), at which positions, in which stages."""

    spec: layers.Spec
    positions: frozenset[str | int]
    stages: frozenset[int]

    def __call__(self, x: Any, position: str | int, stage: int, name: str) -> Any:
        """Apply a new layer `<name>_attention` to `x` if this is one of the places."""
        if self.spec is None or position not in self.positions or stage not in self.stages:
            return x
        layer = layers.get(self.spec, name=f"{name}_attention")
        return x if layer is None else layer(x)


def chosen_stages(given: Sequence[int] | None, allowed: Sequence[int]) -> frozenset[int]:
    """Return the stages that `attention_stages` selects; all of them for None.

    Raises:
        ValueError: no stage, or one that the network does not have.
    """
    if given is None:
        return frozenset(allowed)
    stages = tuple(given) if isinstance(given, Iterable) else (given,)
    if not stages or not set(stages) <= set(allowed):
        raise ValueError(f"attention_stages must be some of {tuple(allowed)}, got {given!r}.")
    return frozenset(stages)


def block_placement(
    spec: layers.Spec,
    position: str,
    allowed_positions: Sequence[str],
    stages: Sequence[int] | None,
    allowed_stages: Sequence[int],
) -> Placement:
    """Return the places at one position of the residual blocks of some stages; all for None.

    Raises:
        ValueError: an unknown position or stage.
    """
    one_of("attention_position", position, allowed_positions)
    return Placement(spec, frozenset({position}), chosen_stages(stages, allowed_stages))


def convolution_placement(
    spec: layers.Spec, position: Positions, stages: Sequence[int] | None, depths: Sequence[int]
) -> Placement:
    """Return the places in a plain stack of convolutions, in groups of `depths` layers.

    The groups are the stages, counted from 1. `position` is "last" (after the last group), "every"
    (after each convolution) or a tuple of indices of convolutions, counted from 1.

    Raises:
        ValueError: an unknown position or stage, or positions outside the stages.
    """
    chosen = chosen_stages(stages, range(1, len(depths) + 1))
    positions = _positions(position, sum(depths))
    places: set[str | int] = {
        i for i, stage in enumerate(_stage_of_each(depths), 1) if stage in chosen
    }
    if len(depths) in chosen:
        places |= {"last"}
    if not positions & places:
        raise ValueError(
            "attention_position must name a place in attention_stages, got "
            f"attention_position={position!r} and attention_stages={stages!r}."
        )
    return Placement(spec, frozenset(positions), chosen)


def _positions(position: Positions, count: int) -> set[str | int]:
    if isinstance(position, str):
        allowed = (*CONVOLUTION_POSITIONS, "a tuple of convolution indices")
        one_of("attention_position", position, allowed)
        return {"last"} if position == "last" else set(range(1, count + 1))
    positions: set[str | int] = set(position) if isinstance(position, Iterable) else set()
    if not positions or not positions <= set(range(1, count + 1)):
        raise ValueError(
            f"attention_position must be 'last', 'every' or a tuple of convolution indices "
            f"from 1 to {count}, got {position!r}."
        )
    return positions


def _stage_of_each(depths: Sequence[int]) -> list[int]:
    return [stage for stage, depth in enumerate(depths, 1) for _ in range(depth)]
