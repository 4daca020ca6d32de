"""The ways to explain a model, by name: each gives every picture of a page its tiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from attention_fer.explain.attention_rollout import rollout
from attention_fer.explain.gates import gate_maps
from attention_fer.explain.gradcam import grad_cam
from attention_fer.explain.maps import to_unit
from attention_fer.explain.pages import RELATIVE
from attention_fer.explain.structure import attention_layers
from attention_fer.explain.tiles import Tile

MOST_GATES = 3  # attention modules beside a picture where none is named


@dataclass(frozen=True, eq=False)
class Page:
    """What is explained at once.

    Attributes:
        images: as the model takes them.
        probabilities: `(n, classes)`.
        true: for each image the index of its class, None where it is not known.
        names: of the classes.
        layer, output: as asked for, None for the usual.
    """

    model: keras.Model
    images: np.ndarray
    probabilities: np.ndarray
    true: list[int | None]
    names: list[str]
    layer: str | None = None
    output: str | int | None = None

    @property
    def predicted(self) -> np.ndarray:
        return self.probabilities.argmax(axis=1)

    def said(self, image: int, index: int) -> str:
        """A class and its probability."""
        return f"{self.names[index]} {percent(float(self.probabilities[image, index]))}"


@dataclass(frozen=True)
class Method:
    """A way to explain.

    Attributes:
        tiles: those of each image of a page.
        meaning: of the colours.
        takes: names of the options that it heeds.
    """

    tiles: Callable[[Page], list[list[Tile]]]
    meaning: str
    takes: frozenset[str]


def percent(share: float) -> str:
    """A probability as text, which is 100 % or 0 % only where it is exactly that."""
    shown = f"{100 * share:.0f} %"
    if shown == "100 %" and share < 1:
        return "> 99 %"
    return "< 1 %" if shown == "0 %" and share > 0 else shown


def _grad_cam(page: Page) -> list[list[Tile]]:
    """The map for the predicted class, and that for the true one where it is another."""

    def maps(rows: list[int], classes: list[int]) -> dict[int, np.ndarray]:
        found = grad_cam(page.model, page.images[rows], classes, page.layer, output=page.output)
        return dict(zip(rows, found, strict=True))

    predicted = [int(index) for index in page.predicted]
    first = maps(list(range(len(predicted))), predicted)
    missed = {row: index for row, index in enumerate(page.true) if index not in (None, predicted[row])}
    second = maps(list(missed), [index for index in missed.values() if index is not None])
    tiles = [[_heat("predicted", page.said(row, predicted[row]), heat)] for row, heat in first.items()]
    for row, index in missed.items():
        if index is not None:
            tiles[row].append(_heat("true", page.said(row, index), second[row]))
    return tiles


def _heat(role: str, said: str, heat: np.ndarray) -> Tile:
    return Tile(f"{role}: {said}" if heat.any() else f"{role}: {said}\nmap is 0 everywhere", heat)


def _rollout(page: Page) -> list[list[Tile]]:
    maps = rollout(page.model, page.images)
    return [
        [Tile(f"predicted: {page.said(row, int(index))}", maps[row])]
        for row, index in enumerate(page.predicted)
    ]


def _gates(page: Page) -> list[list[Tile]]:
    """Spatial gates over the picture, the others as bars."""
    modules = attention_layers(page.model)
    paths = [page.layer] if page.layer else list(modules)[-MOST_GATES:]
    tiles: list[list[Tile]] = [[] for _ in page.true]
    for path in paths:
        for name, gates in gate_maps(page.model, page.images, path)[path].items():
            most = 2.0 if modules[path].start == "identity" else 1.0
            for row, gate in enumerate(gates):
                tiles[row].append(_gate(f"{path}\n{name}", gate, most))
    return tiles


def _gate(title: str, gate: np.ndarray, most: float) -> Tile:
    span = f"{gate.min():.2f} to {gate.max():.2f}"
    if gate.ndim == 1:
        return Tile(f"{title} {span}", bars=gate, most=most)
    return Tile(f"{title} {span}", to_unit((gate - gate.min())[None])[0])


METHODS = {
    "grad-cam": Method(_grad_cam, RELATIVE, frozenset({"layer", "output"})),
    "rollout": Method(_rollout, RELATIVE, frozenset()),
    "gates": Method(
        _gates,
        "spatial gates, each from its own least to its most; bars: channel gates from 0 to 1, or to "
        "2 with the identity start",
        frozenset({"layer"}),
    ),
}
