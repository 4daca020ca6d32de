"""Checks that a network still gives the probabilities that it gave when it was made.

A file next to the network holds small colour pictures and their expected probabilities by class. A
wrong label order, pixel scale or channel order gives different ones.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from attention_fer.common.files import replacing
from attention_fer.predict.cutting import cut
from attention_fer.predict.networks.base import Network

TOLERANCE = 1e-4


def write_self_test(network: Network, pictures: np.ndarray, path: Path) -> None:
    """Writes the file: pictures, uint8 (n, height, width, 3) RGB, with what `network` says."""
    found = _probabilities(network, pictures)
    with replacing(path) as draft, open(draft, "wb") as stream:
        np.savez_compressed(
            stream, pictures=pictures, probabilities=found, classes=np.array(network.classes)
        )


def run_self_test(network: Network) -> list[float]:
    """Returns the largest difference of a probability for each picture of the network's file.

    Differences above `TOLERANCE` mean that something is wrong; a class that is missing differs by
    infinity.

    Raises:
        ValueError: the network has no such file, or a damaged one.
    """
    if network.self_test is None:
        raise ValueError(
            f"{network.name} has no self-test: there is no .selftest.npz next to it. "
            "attention_fer.predict.self_test.write_self_test makes one."
        )
    pictures, expected, classes = _read(network.self_test)
    if set(classes) != set(network.classes):
        return [float("inf")] * len(pictures)
    found = _probabilities(network, pictures)
    order = [network.classes.index(name) for name in classes]
    return [float(gap) for gap in np.abs(found[:, order] - expected).max(axis=1)]


def _read(path: Path) -> tuple[np.ndarray, np.ndarray, Sequence[str]]:
    try:
        with np.load(path, allow_pickle=False) as content:
            return content["pictures"], content["probabilities"], content["classes"].tolist()
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} must be a self-test of a network: {error}") from error


def _probabilities(network: Network, pictures: np.ndarray) -> np.ndarray:
    faces = [
        cut(picture, None, None, network.rule, network.size, network.colour) for picture in pictures
    ]
    return network(faces)
