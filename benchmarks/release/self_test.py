"""The pictures by which users check that a network works as released.

They are drawings, so the package contains no photograph of a person, and tinted, so the wrong
channel order gives a different picture.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from attention_fer.predict.networks.onnx_network import SELF_TEST, open_shipped
from attention_fer.predict.self_test import write_self_test
from attention_fer.pretrained import ShippedNetwork
from preprocessing.sources import schematic

# Subjects and images of which three classes are likely: happy, surprise, angry.
DRAWN = ((8, 3), (4, 5), (10, 0))
TINT = (1.2, 1.0, 0.6)  # of red, green and blue


def pictures() -> np.ndarray:
    """Returns the drawings, uint8 (n, 48, 48, 3)."""
    grey = np.stack([schematic.sample(0, *place).load() for place in DRAWN])
    return np.rint(np.clip(grey[..., None] * np.array(TINT), 0, 255)).astype(np.uint8)


def write(network: ShippedNetwork) -> Path:
    """Writes the self-test of a network from its ONNX file, and returns its path."""
    path = network.folder / f"{network.manifest['weights']}{SELF_TEST}"
    write_self_test(open_shipped(network), pictures(), path)
    return path
