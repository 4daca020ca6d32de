"""The methods by name: how each turns a batch of images into tiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from attention_fer.common.registry import Registry
from attention_fer.explain.drawing.gallery import RELATIVE, Tile
from attention_fer.explain.maps.gates import gate_maps
from attention_fer.explain.maps.gradcam import default_layer, grad_cam
from attention_fer.explain.maps.layer_tree import attention_layers
from attention_fer.explain.maps.rollout import rollout

MOST_GATES = 2  # attention modules next to an image if none is chosen


@dataclass(frozen=True, eq=False)
class Explained:
    """A batch of images to explain.

    Attributes:
        model: the network.
        images: as the model takes them.
        probabilities: `(n, classes)`.
        true: class index of each image, None if unknown.
        labels: class names, printable.
        layer, output: the chosen ones, None for the default.
    """

    model: keras.Model
    images: np.ndarray
    probabilities: np.ndarray
    true: list[int | None]
    labels: list[str]
    layer: str | None = None
    output: str | int | None = None

    @property
    def predicted(self) -> list[int]:
        """Index of the most probable class of each image."""
        return [int(index) for index in self.probabilities.argmax(axis=1)]

    def label(self, row: int, index: int) -> str:
        """A class and its probability for an image."""
        return f"{self.labels[index]} {percent(float(self.probabilities[row, index]))}"


@dataclass(frozen=True)
class Method:
    """A way to explain.

    Attributes:
        tiles: the tiles of each image.
        target: the part of the model that is explained, in words.
        meaning: meaning of the colours.
        layers: whether it takes the name of a layer.
    """

    tiles: Callable[[Explained], list[list[Tile]]]
    target: Callable[[Explained], str]
    meaning: str
    layers: bool = False


def percent(share: float) -> str:
    """Formats a probability; 0 % and 100 % appear only where they are exact."""
    shown = f"{100 * share:.0f} %"
    if shown == "100 %" and share < 1:
        return "> 99 %"
    return "< 1 %" if shown == "0 %" and share > 0 else shown


def _grad_cam_tiles(explained: Explained) -> list[list[Tile]]:
    """The map for the predicted class, and for the true class if it is another."""
    predicted = explained.predicted
    roles = [(row, "predicted", index) for row, index in enumerate(predicted)]
    roles += [
        (row, "true", index)
        for row, index in enumerate(explained.true)
        if index is not None and index != predicted[row]
    ]
    rows, _, classes = zip(*roles, strict=True)
    images = explained.images[list(rows)]
    maps = grad_cam(explained.model, images, classes, explained.layer, output=explained.output)
    tiles: list[list[Tile]] = [[] for _ in predicted]
    for (row, role, index), heat in zip(roles, maps, strict=True):
        label = explained.label(row, index) + ("" if heat.any() else ": 0 everywhere")
        tiles[row].append(Tile(f"for the {role} class:\n{label}", heat))
    return tiles


def _grad_cam_target(explained: Explained) -> str:
    layer = explained.layer or default_layer(explained.model, explained.images[:1])
    return f"layer {layer}"


def _rollout_tiles(explained: Explained) -> list[list[Tile]]:
    maps = rollout(explained.model, explained.images)
    return [[Tile("share of each patch", heat)] for heat in maps]


def _gate_tiles(explained: Explained) -> list[list[Tile]]:
    """Spatial gates over the image, other gates as bars."""
    modules = attention_layers(explained.model)
    tiles: list[list[Tile]] = [[] for _ in explained.true]
    for path in _chosen_modules(explained):
        for name, gates in gate_maps(explained.model, explained.images, path)[path].items():
            low, high = modules[path].gate_range(name)
            least = float(gates.min()) if low is None else low
            most = float(gates.max()) if high is None else high
            for row, gate in enumerate(gates):
                tiles[row].append(_gate_tile(name, path, gate, (least, most)))
    return tiles


def _gate_tile(name: str, path: str, gate: np.ndarray, bounds: tuple[float, float]) -> Tile:
    low, high = bounds
    title = f"{name} {_gate_span(gate, high - low)}\n{path.rpartition('/')[2]}"
    share = (gate - low) / (high - low or 1)
    return Tile(title, bars=share) if gate.ndim == 1 else Tile(title, share)


def _gate_span(gate: np.ndarray, scale: float) -> str:
    """The values of a gate in words; it is constant if no colour or bar shows a difference."""
    low, high = float(gate.min()), float(gate.max())
    if high - low <= scale / 256:
        return f"{float(gate.mean()):.4g}, constant"
    return f"{low:.3g} to {high:.3g}"


def _chosen_modules(explained: Explained) -> list[str]:
    """The chosen module, or the last ones."""
    if explained.layer:
        return [explained.layer]
    # Without any, gate_maps raises an error that says so.
    return list(attention_layers(explained.model))[-MOST_GATES:] or list(
        gate_maps(explained.model, explained.images)
    )


def _gate_target(explained: Explained) -> str:
    chosen, modules = _chosen_modules(explained), attention_layers(explained.model)
    return f"{', '.join(chosen)} ({len(chosen)} of {len(modules)} modules)"


METHODS: Registry[Method] = Registry("method")
METHODS.add("grad-cam", Method(_grad_cam_tiles, _grad_cam_target, RELATIVE, layers=True))
METHODS.add(
    "rollout",
    Method(_rollout_tiles, lambda explained: "all self-attention layers", RELATIVE),
)
METHODS.add(
    "gates",
    Method(
        _gate_tiles,
        _gate_target,
        "gates on the scale of their module, 0 to 1 for a sigmoid; bars: gates of channels",
        layers=True,
    ),
)
