"""A cell's trained network on disk: `model.keras`, and what one must know to use it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

MODEL, CARD = "model.keras", "model.json"


def save(predictor: keras.Model, folder: Path, classes: Sequence[str]) -> None:
    """Stores a network that takes uint8 pixels and gives probabilities of `classes`."""
    predictor.save(folder / MODEL)
    card = {"classes": list(classes), "input": "uint8 pixels"}
    (folder / CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def is_saved(folder: Path) -> bool:
    """Whether a result's folder holds its network."""
    return (folder / MODEL).is_file()


def load_teacher(folder: Path) -> keras.Model:
    """The stored network from pixels in [0, 1] on, to teach another.

    Raises:
        FileNotFoundError: the folder holds none.
    """
    import keras

    if not is_saved(folder):
        raise FileNotFoundError(f"{folder} holds no {MODEL}: run it again with --save-models.")
    predictor = keras.saving.load_model(folder / MODEL, compile=False)
    teacher = keras.Model(predictor.get_layer("scale").output, predictor.output, name="teacher")
    teacher.trainable = False
    return teacher
