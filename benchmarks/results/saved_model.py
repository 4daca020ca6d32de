"""A cell's trained network on disk: `model.keras`, and `model.json` with its classes and input."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

MODEL, CARD = "model.keras", "model.json"


def save(
    predictor: keras.Model,
    folder: Path,
    classes: Sequence[str],
    faces: Mapping[str, Any] | None = None,
) -> None:
    """Stores a network that maps uint8 pixels to probabilities of `classes`.

    Args:
        predictor: the network.
        folder: folder of the cell.
        classes: their names, in order.
        faces: how photographs became the pixels, as a manifest records it; None if unknown.
    """
    predictor.save(folder / MODEL)
    card = {"classes": list(classes), "input": "uint8 pixels", "faces": faces}
    (folder / CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def is_saved(folder: Path) -> bool:
    """Whether a result's folder contains its network."""
    return (folder / MODEL).is_file()


def load_teacher(folder: Path) -> keras.Model:
    """Loads a stored network as a frozen teacher that takes pixels in [0, 1].

    Raises:
        FileNotFoundError: the folder contains no network.
    """
    import keras

    if not is_saved(folder):
        raise FileNotFoundError(
            f"{folder} contains no {MODEL}. Rerun the command with --save-models."
        )
    predictor = keras.saving.load_model(folder / MODEL, compile=False)
    teacher = keras.Model(predictor.get_layer("scale").output, predictor.output, name="teacher")
    teacher.trainable = False
    return teacher
