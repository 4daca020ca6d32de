"""The interface of every network, and how its outputs become probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from attention_fer.predict.cutting import CutRule

BATCH = 64
_ROUNDING = 1e-3  # of a sum of probabilities, also in half precision


@dataclass(frozen=True, eq=False)
class Network:
    """A classifier of faces.

    Attributes:
        name: as the column `model` says it.
        sha256: of its file.
        classes: their names, in the order of the outputs.
        size: height and width in pixels of the faces that it takes.
        colour: "grey" or "rgb", of these faces.
        rule: how faces are cut for it.
        outputs: maps uint8 faces (n, height, width) or (n, height, width, 3) to (n, classes).
        logits: whether the outputs are class scores whose softmax is the probabilities.
        temperature: by which logits are divided.
        self_test: its file of inputs and expected probabilities, see `self_test`; None without.
        about: further facts for the manifest, JSON-serialisable.
        grad_cam: maps one face and the index of a class to a float map (height, width) of the face:
            where the network saw evidence for that class, with the maximum 1, or 0 everywhere
            without evidence. None without a layer for it.
    """

    name: str
    sha256: str
    classes: tuple[str, ...]
    size: tuple[int, int]
    colour: str
    rule: CutRule
    outputs: Callable[[np.ndarray], np.ndarray]
    logits: bool
    temperature: float
    self_test: Path | None
    about: dict[str, Any]
    grad_cam: Callable[[np.ndarray, int], np.ndarray] | None = None

    def __post_init__(self) -> None:
        if len(self.classes) < 2:
            raise ValueError(f"{self.name} must have at least two classes, got {self.classes}.")

    def __call__(self, faces: Sequence[np.ndarray]) -> np.ndarray:
        """Returns the probabilities of faces, float64 (n, classes); each row sums to 1.

        Args:
            faces: faces of the network's size and colour, see `cutting.cut`.

        Raises:
            ValueError: the network does not return what it should.
        """
        if not len(faces):
            return np.empty((0, len(self.classes)))
        groups = [np.stack(faces[at : at + BATCH]) for at in range(0, len(faces), BATCH)]
        return np.concatenate([self._probabilities(self.outputs(group)) for group in groups])

    def describe(self) -> dict[str, Any]:
        """Returns what the manifest records, JSON-serialisable."""
        return {
            "name": self.name,
            "sha256": self.sha256,
            "classes": list(self.classes),
            "size": list(self.size),
            "colour": self.colour,
            "cut": vars(self.rule),
            **self.about,
        }

    def _probabilities(self, outputs: np.ndarray) -> np.ndarray:
        found = np.asarray(outputs, np.float64)
        if found.ndim != 2 or found.shape[1] != len(self.classes):
            raise ValueError(
                f"{self.name} must return {len(self.classes)} numbers for each face, one for each "
                f"class, got shape {found.shape}. Correct the classes in the JSON file next to it."
            )
        if not np.isfinite(found).all():
            raise ValueError(f"{self.name} must return finite numbers, got NaN or infinity.")
        if self.logits:
            found = np.exp((found - found.max(1, keepdims=True)) / self.temperature)
        elif found.min() < -_ROUNDING or np.abs(found.sum(1) - 1).max() > _ROUNDING:
            raise ValueError(
                f"{self.name} must return probabilities, which sum to 1, got {found[0].round(3)}. "
                'If these are logits, write "output": {"kind": "logits"} into the JSON file next '
                "to it."
            )
        found = found.clip(0)
        return found / found.sum(1, keepdims=True)
