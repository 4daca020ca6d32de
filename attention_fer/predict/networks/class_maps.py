"""Grad-CAM of an ONNX network that outputs class maps, without gradients.

If the last map of a network is averaged and then goes through one linear layer, as in most residual
networks, the gradients of Grad-CAM are the weights of that layer (Selvaraju et al. 2017,
https://arxiv.org/abs/1610.02391, section 3.1). The network can then output what each place adds to
the logit of each class, and Grad-CAM is the positive part.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from attention_fer.common.checks import one_of
from attention_fer.common.rules import is_number
from attention_fer.predict.networks.description import InputFormat


class ClassMaps:
    """The Grad-CAM maps of an ONNX network.

    Args:
        session: its session.
        taken: its input.
        note: the entry "class_maps" of the JSON file next to it, see `description`.
        where: that file, for messages.

    Raises:
        ValueError: the entry does not fit the network.
    """

    def __init__(self, session: Any, taken: InputFormat, note: Any, where: Path):
        given = note if isinstance(note, Mapping) else {}
        names = [output.name for output in session.get_outputs()]
        self._name = one_of(f"class_maps.name in {where}", given.get("name"), names)
        self._box = _box(given.get("box"), taken.size, where)
        self._session, self._taken = session, taken
        self._input = session.get_inputs()[0].name

    def __call__(self, face: np.ndarray, index: int) -> np.ndarray:
        """Returns the map of one class, see `Network.grad_cam`.

        Raises:
            ValueError: the network does not return maps of that class.
        """
        batch = self._taken.batch(face[None])
        maps = self._session.run([self._name], {self._input: batch})[0]
        if maps.ndim != 4 or index >= maps.shape[3]:
            raise ValueError(
                f"{self._name} must have the axes batch, row, column and class, got shape "
                f"{maps.shape}."
            )
        positive = Image.fromarray(np.maximum(maps[0, ..., index], 0).astype(np.float32))
        left, top, width, height = self._box
        found = np.zeros(self._taken.size, np.float32)
        enlarged = positive.resize((width, height), Image.Resampling.BILINEAR)
        found[top : top + height, left : left + width] = np.asarray(enlarged)
        return found / (found.max() or 1)


def _box(given: Any, size: tuple[int, int], where: Path) -> tuple[int, int, int, int]:
    """The part of the input that the maps cover: left, top, width and height."""
    height, width = size
    if given is None:
        return 0, 0, width, height
    whole = isinstance(given, list) and len(given) == 4 and all(map(is_number, given))
    left, top, wide, high = map(int, given) if whole else (0, 0, 0, 0)
    if not (left >= 0 < wide <= width - left and top >= 0 < high <= height - top):
        raise ValueError(
            f"class_maps.box in {where} must be left, top, width and height of a part of the "
            f"{width} x {height} input pixels, got {given!r}."
        )
    return left, top, wide, high
