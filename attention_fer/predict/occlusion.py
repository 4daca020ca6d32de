"""What a network looked at, by occlusion: how much probability is lost when a patch is hidden.

Zeiler & Fergus (2014), "Visualizing and Understanding Convolutional Networks", section 4.2. It
needs only the network's answers, so it works for every network, even without Keras.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from attention_fer.predict.networks.base import Network

PARTS = 12
"""Rows and columns of a map."""

HIDDEN = 4
"""Rows and columns that a patch hides. A third of the face hides a mouth or an eye with its brow;
patches of a sixth hardly change an answer, because the rest of the mouth stays visible."""


@dataclass(frozen=True, eq=False)
class OcclusionMap:
    """How the probability of one class depends on the parts of a face.

    Attributes:
        label: the class, the most probable one of the whole face.
        probability: probability of that class for the whole face.
        drop: float64 (parts, parts), how much lower it is on average over the patches that hide
            this part; negative where it rises. The parts divide height and width evenly.
        most: the largest drop by a single patch; 0 if none lowers it.
    """

    label: str
    probability: float
    drop: np.ndarray
    most: float


def occlusion_map(
    network: Network, face: np.ndarray, parts: int = PARTS, hidden: int = HIDDEN
) -> OcclusionMap:
    """Hides one square patch of a face after another and runs the network each time.

    A patch has the mean colour of the face and moves by one part at a time, which takes `(parts -
    hidden + 1) ** 2` runs.

    Args:
        network: any.
        face: uint8 (height, width) or (height, width, 3), of the network's size and colour.
        parts: rows and columns of the map.
        hidden: rows and columns that a patch hides.
    """
    rows, columns = (_borders(length, parts) for length in face.shape[:2])
    places = [(y, x) for y in range(parts - hidden + 1) for x in range(parts - hidden + 1)]
    covered = []
    for y, x in places:
        copy = face.copy()
        copy[rows[y] : rows[y + hidden], columns[x] : columns[x + hidden]] = face.mean((0, 1))
        covered.append(copy)
    found = network([face, *covered])
    best = int(found[0].argmax())
    drops = found[0, best] - found[1:, best]
    total, count = np.zeros((parts, parts)), np.zeros((parts, parts))
    for (y, x), drop in zip(places, drops, strict=True):
        total[y : y + hidden, x : x + hidden] += drop
        count[y : y + hidden, x : x + hidden] += 1
    probability, most = float(found[0, best]), max(float(drops.max()), 0.0)
    return OcclusionMap(network.classes[best], probability, total / count, most)


def _borders(length: int, parts: int) -> np.ndarray:
    """Where the parts of a side begin and end."""
    return np.linspace(0, length, parts + 1).round().astype(int)
