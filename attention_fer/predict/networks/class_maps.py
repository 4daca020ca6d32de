"""Grad-CAM of an ONNX network that outputs class maps, without gradients.

If the last map of a network is averaged and then goes through one linear layer, as in most residual
networks, the gradients of Grad-CAM are the weights of that layer (Selvaraju et al. 2017,
https://arxiv.org/abs/1610.02391, section 3.1). The network can then output what each place adds to
the logit of each class, and Grad-CAM is the positive part.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from attention_fer.common.checks import one_of
from attention_fer.common.onnx_runtime import runner
from attention_fer.predict.networks.description import InputFormat, entry


class ClassMaps:
    """The Grad-CAM maps of an ONNX network.

    Args:
        session: its session.
        taken: its input.
        classes: number of its classes.
        note: content of the JSON file next to it, see `description`.
        where: that file, for messages.

    Raises:
        ValueError: the entry does not fit the network, which is run once to check.
    """

    def __init__(self, session: Any, taken: InputFormat, classes: int, note: Any, where: Path):
        given = entry(note, "class_maps", where)
        names = [output.name for output in session.get_outputs()]
        self._name = one_of(f"class_maps.name in {where}", given.get("name"), names)
        self._box = _box(given.get("box"), taken.size, where)
        self._taken, self._classes = taken, classes
        self._run = runner(session, self._name)
        self._maps(np.zeros(taken.size if taken.colour == "grey" else (*taken.size, 3), np.uint8))

    def __call__(self, face: np.ndarray, index: int) -> np.ndarray:
        """Returns the map of one class, see `Network.grad_cam`.

        Raises:
            ValueError: the network returns no finite maps of its classes.
        """
        evidence = self._maps(face)[..., index]
        if not np.isfinite(evidence).all():
            raise ValueError(f"{self._name} must hold finite numbers, got NaN or infinity.")
        positive = Image.fromarray(np.maximum(evidence, 0))
        left, top, width, height = self._box
        found = np.zeros(self._taken.size, np.float32)
        enlarged = positive.resize((width, height), Image.Resampling.BILINEAR)
        found[top : top + height, left : left + width] = np.asarray(enlarged)
        return found / (found.max() or 1)

    def _maps(self, face: np.ndarray) -> np.ndarray:
        """What a face gives, float32 (rows, columns, classes)."""
        maps = np.asarray(self._run(self._taken.batch(face[None])))
        if maps.ndim != 4 or maps.shape[3] != self._classes or not maps.size:
            raise ValueError(
                f"{self._name} must have the axes batch, row, column and class, with "
                f"{self._classes} classes, got shape {maps.shape}."
            )
        return maps[0].astype(np.float32)


def _box(given: Any, size: tuple[int, int], where: Path) -> tuple[int, int, int, int]:
    """The part of the input that the maps cover: left, top, width and height."""
    height, width = size
    if given is None:
        return 0, 0, width, height
    whole = isinstance(given, list) and [type(number) for number in given] == [int] * 4
    left, top, wide, high = given if whole else (0, 0, 0, 0)
    if not (left >= 0 < wide <= width - left and top >= 0 < high <= height - top):
        raise ValueError(
            f"class_maps.box in {where} must be left, top, width and height, whole numbers, of a "
            f"part of the {width} x {height} input pixels, got {given!r}."
        )
    return left, top, wide, high
