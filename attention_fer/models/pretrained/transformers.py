"""Loads pretrained weights into transformers, also for other image sizes, channels and classes."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import keras
import numpy as np

from attention_fer.common.files import sha256 as file_hash
from attention_fer.models.parts.transformer_block import patch_grid
from attention_fer.models.pretrained import presets
from attention_fer.models.pretrained.by_name import (
    LoadReport,
    log_report,
    read_file,
    read_model,
    transfer,
)
from attention_fer.models.pretrained.presets import TransformerWeights

POSITIONS = "position_embedding"


def load_pretrained(
    model: keras.Model,
    source: str | os.PathLike[str] | keras.Model,
    sha256: str | None = None,
    imagenet: str | None = None,
) -> LoadReport:
    """Load weights into a transformer by layer name and log the report.

    As in `load_into`, a layer is loaded whole or not at all, the kernel of the patches is adapted
    to another number of channels, and the report is logged, as a warning if any layer is new or
    missed. Positions are interpolated to another grid of patches, bilinearly and with antialiasing
    to a smaller one; those of the special tokens are kept.

    Args:
        model: the network to load the weights into.
        source: "imagenet" for the preset that `imagenet` names; the name of another preset of
            KerasHub for ViT or DeiT; the folder of a preset; the path of a `.keras`,
            `.weights.h5` or old Keras `.h5` file; or another model.
        sha256: SHA-256 of the file of weights, checked before the file is read; in a preset, of
            `model.weights.h5` only, not of the classifier next to it. None checks nothing.
        imagenet: name of a preset.

    Raises:
        ImportError: `source` is a preset, but KerasHub is not installed.
        FileNotFoundError: no file at the path.
        ValueError: an unknown preset, weights that cannot be read, or none that match.
        RuntimeError: the preset could not be downloaded, or the hash differs.
    """
    found = _source(source, sha256, imagenet)
    adapted = _fit_positions(found, model)
    report = transfer(found.weights, model)
    report.adapted += adapted
    report.missed |= found.unread
    log_report(report, source, model)
    _set_epsilon(model, found.epsilon)
    return report


def _source(source: Any, sha256: str | None, imagenet: str | None) -> TransformerWeights:
    """Read the weights once their hash has been checked."""
    if isinstance(source, keras.Model):
        return TransformerWeights(read_model(source), patch_grid(source))
    path = Path(source)
    if path.suffix in (".keras", ".h5"):
        return _of_file(path, sha256)
    if source == "imagenet" or not path.is_dir():
        path = presets.fetch(_preset_name(source, imagenet))
    _check_hash(path / presets.WEIGHTS_FILE, sha256)
    return presets.read(path)


def _preset_name(source: Any, imagenet: str | None) -> str:
    if source != "imagenet":
        return str(source)
    if imagenet is None:
        raise ValueError(
            "weights must be None or a path, got 'imagenet': KerasHub has no ImageNet weights for "
            "a network of this size. It has them for ViT base and large and for DeiT."
        )
    return imagenet


def _of_file(path: Path, sha256: str | None) -> TransformerWeights:
    if path.is_file():
        _check_hash(path, sha256)
        if path.suffix == ".keras":
            return _source(keras.saving.load_model(path, compile=False), None, None)
    return TransformerWeights(read_file(path))


def _check_hash(path: Path, expected: str | None) -> None:
    """Raise RuntimeError unless the file has the expected SHA-256; None checks nothing."""
    if expected is None:
        return
    found = file_hash(path)
    if found != expected.lower():
        raise RuntimeError(
            f"{str(path)!r} must have SHA-256 {expected}, got {found}. The file was not "
            "read. Download it again if it is damaged, or correct the expected value."
        )


def _fit_positions(source: TransformerWeights, model: keras.Model) -> list[str]:
    """Interpolate the positions of `source` to the grid of `model`; return what was adapted."""
    if POSITIONS not in source.weights:
        return []
    [positions] = source.weights[POSITIONS]
    grid = patch_grid(model)
    tokens = model.get_layer(POSITIONS).input.shape[1]
    special = tokens - math.prod(grid)
    old = source.grid or _square(positions.shape[1] - special)
    if old == grid or old is None or positions.shape[1] - math.prod(old) != special:
        return []  # The same grid, or another network, which the report shows.
    kept, moved = positions[:, :special], positions[:, special:]
    source.weights[POSITIONS] = [np.concatenate([kept, _resized(moved, old, grid)], axis=1)]
    return [POSITIONS]


def _square(patches: int) -> tuple[int, int] | None:
    side = math.isqrt(max(0, patches))
    return (side, side) if side * side == patches else None


def _resized(positions: np.ndarray, old: tuple[int, int], new: tuple[int, int]) -> np.ndarray:
    """Interpolate positions `(1, rows * columns, channels)` from the old grid to the new one."""
    channels = positions.shape[-1]
    image = positions.reshape(1, *old, channels).astype("float32")
    resized = keras.ops.image.resize(
        image, new, interpolation="bilinear", antialias=True, data_format="channels_last"
    )
    return keras.ops.convert_to_numpy(resized).reshape(1, -1, channels)


def _set_epsilon(model: keras.Model, epsilon: float | None) -> None:
    """Set the epsilon of the normalisations to the one that the weights were trained with."""
    for layer in model.layers:
        if epsilon is not None and isinstance(layer, keras.layers.LayerNormalization):
            layer.epsilon = epsilon
