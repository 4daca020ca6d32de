"""The ways to explain a model, by name: each gives every picture of a page its tiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from attention_fer.explain.gallery.page import RELATIVE
from attention_fer.explain.gallery.tiles import Tile
from attention_fer.explain.maps.batches import to_unit
from attention_fer.explain.maps.gates import gate_maps
from attention_fer.explain.maps.gradcam import default_layer, grad_cam
from attention_fer.explain.maps.layer_tree import attention_layers
from attention_fer.explain.maps.rollout import rollout

MOST_GATES = 2  # attention modules beside a picture where none is named


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
    def predicted(self) -> list[int]:
        """For each image the index of the class of the highest probability."""
        return [int(index) for index in self.probabilities.argmax(axis=1)]

    def said(self, row: int, index: int) -> str:
        """A class and its probability."""
        return f"{self.names[index]} {percent(float(self.probabilities[row, index]))}"


@dataclass(frozen=True)
class Method:
    """A way to explain.

    Attributes:
        tiles: those of each image of a page.
        looks_at: what of the model is looked at, in words.
        meaning: of the colours.
        takes: the options that it heeds.
    """

    tiles: Callable[[Page], list[list[Tile]]]
    looks_at: Callable[[Page], str]
    meaning: str
    takes: tuple[str, ...] = ()


def percent(share: float) -> str:
    """A probability as text, which is 100 % or 0 % only where it is exactly that."""
    shown = f"{100 * share:.0f} %"
    if shown == "100 %" and share < 1:
        return "> 99 %"
    return "< 1 %" if shown == "0 %" and share > 0 else shown


def _grad_cam(page: Page) -> list[list[Tile]]:
    """The map for the predicted class, and that for the true one where it is another."""
    predicted = page.predicted
    roles = [(row, "predicted", index) for row, index in enumerate(predicted)]
    roles += [
        (row, "true", index)
        for row, index in enumerate(page.true)
        if index is not None and index != predicted[row]
    ]
    rows, _, classes = zip(*roles, strict=True)
    maps = grad_cam(page.model, page.images[list(rows)], classes, page.layer, output=page.output)
    tiles: list[list[Tile]] = [[] for _ in predicted]
    for (row, role, index), heat in zip(roles, maps, strict=True):
        said = page.said(row, index) if heat.any() else f"{page.said(row, index)}: 0 everywhere"
        tiles[row].append(Tile(f"for the {role} class:\n{said}", heat))
    return tiles


def _map(page: Page) -> str:
    return f"layer {page.layer or default_layer(page.model, page.images[:1])}"


def _rollout(page: Page) -> list[list[Tile]]:
    maps = rollout(page.model, page.images)
    return [[Tile("share of each patch", heat)] for heat in maps]


def _gates(page: Page) -> list[list[Tile]]:
    """Spatial gates over the picture, the others as bars."""
    modules = attention_layers(page.model)
    tiles: list[list[Tile]] = [[] for _ in page.true]
    for path in _chosen(page):
        for name, gates in gate_maps(page.model, page.images, path)[path].items():
            most = 2.0 if modules[path].start == "identity" else 1.0
            for row, gate in enumerate(gates):
                tiles[row].append(_gate(name, path, gate, most))
    return tiles


def _gate(name: str, path: str, gate: np.ndarray, most: float) -> Tile:
    title = f"{name} {gate.min():.2f} to {gate.max():.2f}\n{path.rpartition('/')[2]}"
    if gate.ndim == 1:
        return Tile(title, bars=gate, most=most)
    return Tile(title, to_unit((gate - gate.min())[None])[0])


def _chosen(page: Page) -> list[str]:
    """The module that is named, or the last ones."""
    if page.layer:
        return [page.layer]
    # Where there is none, gate_maps says so.
    return list(attention_layers(page.model))[-MOST_GATES:] or list(
        gate_maps(page.model, page.images)
    )


def _modules(page: Page) -> str:
    shown = _chosen(page)
    return f"{', '.join(shown)} ({len(shown)} of {len(attention_layers(page.model))} modules)"


METHODS = {
    "grad-cam": Method(_grad_cam, _map, RELATIVE, ("layer", "output")),
    "rollout": Method(_rollout, lambda page: "all self-attention layers", RELATIVE, ("output",)),
    "gates": Method(
        _gates,
        _modules,
        "spatial gates, each from its least to its most; bars: the other gates, from 0 to 1, or to "
        "2 with the identity start",
        ("layer", "output"),
    ),
}
