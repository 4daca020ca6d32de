"""What a network looked at, by occlusion: how much probability is lost where a patch is hidden.

Zeiler & Fergus (2014), "Visualizing and Understanding Convolutional Networks", section 4.2. It
needs nothing but the network's answers, so that it works for every network, also without Keras.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from attention_fer.predict.networks.base import Network

PATCHES = 6
"""Patches that fit side by side; they move by half their width."""


@dataclass(frozen=True, eq=False)
class OcclusionMap:
    """How the probability of one class depends on the parts of a face.

    Attributes:
        label: the class, the most probable one of the whole face.
        probability: of the whole face.
        drop: float64 (rows, columns), how much lower it is on average while a patch hides this
            part; negative where it rises. The parts divide the face evenly.
    """

    label: str
    probability: float
    drop: np.ndarray


def occlusion_map(network: Network, face: np.ndarray, patches: int = PATCHES) -> OcclusionMap:
    """Hides one patch of a face after the other and asks the network each time.

    A patch has the mean colour of the face. It is `1 / patches` of the face wide and high and
    moves by half of that, which makes `(2 * patches - 1) ** 2` questions.

    Args:
        network: any.
        face: uint8 (height, width) or (height, width, 3), of the network's size and colour.
        patches: that fit side by side.

    Returns:
        A map of `2 * patches` rows and columns.
    """
    parts = 2 * patches
    rows, columns = (
        np.linspace(0, length, parts + 1).round().astype(int) for length in face.shape[:2]
    )
    hidden = []
    for top in range(parts - 1):
        for left in range(parts - 1):
            copy = face.copy()
            copy[rows[top] : rows[top + 2], columns[left] : columns[left + 2]] = face.mean((0, 1))
            hidden.append(copy)
    found = network([face, *hidden])
    best = int(found[0].argmax())
    drops = (found[0, best] - found[1:, best]).reshape(parts - 1, parts - 1)
    return OcclusionMap(network.classes[best], float(found[0, best]), _averaged(drops))


def _borders(length: int, parts: int) -> np.ndarray:
    return np.linspace(0, length, parts + 1).round().astype(int)


def _averaged(drops: np.ndarray) -> np.ndarray:
    """Averages over the patches that hide a part, four of them except along the borders."""
    total, count = (np.zeros((len(drops) + 1,) * 2) for _ in range(2))
    side = len(drops)
    for down in (0, 1):
        for across in (0, 1):
            total[down : down + side, across : across + side] += drops
            count[down : down + side, across : across + side] += 1
    return total / count
