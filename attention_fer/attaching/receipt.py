"""What attaching or detaching did, as data and as a table."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import keras

from attention_fer.models.multiply_adds import multiply_adds_of_call


@dataclass(frozen=True)
class Place:
    """A module and where it is.

    Attributes:
        after: the layer whose output the module takes, `model/layer` inside a model.
        module: the name of the module.
        kind: the module's class.
        shape: shape of its input, without the batch axis; None for an axis of unknown size.
        parameters: number of parameters of the module; 0 for a further place of a shared module.
        multiply_adds: multiply-adds of one call, for one image; None if they cannot be counted, as
            for an unknown size.
    """

    after: str
    module: str
    kind: str
    shape: tuple[int | None, ...]
    parameters: int
    multiply_adds: int | None


@dataclass(frozen=True)
class Receipt:
    """What `attach` added to a model, or `detach` removed from it.

    Attributes:
        action: "attached" or "detached".
        model: name of the model.
        places: the modules, in the order of the network.
        weights_kept: the number of arrays of weights that are equal in both models.
        weights: the number of arrays of weights of the layers that both have.
        plain_parameters: parameters of the model without the modules.
        not_found: names and patterns that matched nothing.
        notes: anything else worth knowing, in sentences.
    """

    action: str
    model: str
    places: tuple[Place, ...]
    weights_kept: int
    weights: int
    plain_parameters: int
    not_found: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def parameters(self) -> int:
        """Of all modules."""
        return sum(place.parameters for place in self.places)

    @property
    def multiply_adds(self) -> int | None:
        """Of all modules, for one image; None if one of them is unknown."""
        counts = [place.multiply_adds for place in self.places]
        return None if None in counts else sum(filter(None, counts))

    def __str__(self) -> str:
        head = ("after", "module", "kind", "input", "parameters", "multiply-adds")
        rows = [
            (
                p.after,
                p.module,
                p.kind,
                _shape(p.shape),
                f"{p.parameters:,}",
                _count(p.multiply_adds),
            )
            for p in self.places
        ]
        total = ("total", "", "", "", f"{self.parameters:,}", _count(self.multiply_adds))
        share = self.parameters / max(self.plain_parameters, 1)
        lines = [
            f"{len(self.places)} places in {self.model}, {self.action}",
            *_table([head, *rows, total]),
            f"parameters: {self.parameters:,}, {share:.2%} of the plain model's "
            f"{self.plain_parameters:,}",
            f"weights kept: {self.weights_kept} of {self.weights} arrays",
            *([f"not found: {', '.join(self.not_found)}"] if self.not_found else []),
            *(f"note: {note}" for note in self.notes),
        ]
        return "\n".join(lines)


def place_of(
    after: str,
    module: keras.layers.Layer,
    given: keras.KerasTensor,
    shared: bool = False,
) -> Place:
    """Describe a module that is called on a tensor; `shared` if an earlier place counts it."""
    shape = tuple(given.shape[1:])
    count = None
    if None not in shape:
        with contextlib.suppress(TypeError):  # A layer of the user, whose products are unknown.
            count = multiply_adds_of_call(module, given, given)
    parameters = 0 if shared else module.count_params()
    return Place(after, module.name, type(module).__name__, shape, parameters, count)


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align columns, the last two on the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = ["<"] * (len(widths) - 2) + [">"] * 2
    return [
        "  ".join(
            f"{text:{side}{width}}" for text, side, width in zip(row, sides, widths, strict=True)
        )
        for row in rows
    ]


def _shape(shape: Sequence[int | None]) -> str:
    return " x ".join("?" if axis is None else str(axis) for axis in shape)


def _count(number: int | None) -> str:
    return "unknown" if number is None else f"{number:,}"
