"""Pretrained weights of transformers, fitted to another image, other channels, other classes."""

from __future__ import annotations

import logging
import math
import os
from pathlib import Path
from typing import Any

import keras
import numpy as np

from attention_fer.models.parts.transformer_block import patch_grid
from attention_fer.models.pretrained import hashes, presets
from attention_fer.models.pretrained.by_name import LoadReport, _of_h5, _of_model, _transfer
from attention_fer.models.pretrained.presets import Source

POSITIONS = "position_embedding"

_log = logging.getLogger("attention_fer")


def load_pretrained(
    model: keras.Model,
    source: str | os.PathLike[str] | keras.Model,
    sha256: str | None = None,
    imagenet: str | None = None,
) -> LoadReport:
    """Loads weights into a transformer by layer name and logs the report.

    As `load_into`: a layer is loaded whole or not at all, the patches' kernel is adapted to
    another number of channels, and the report is logged as a warning where anything is new or
    missed. Positions are interpolated, bilinearly and with antialiasing where they become fewer,
    to another grid of patches; those of the special tokens are kept.

    Args:
        model: the network to fill.
        source: "imagenet" for the preset that `imagenet` names; another name of KerasHub's
            presets for ViT and DeiT; the folder of a preset; the path of a `.keras`,
            `.weights.h5` or old Keras `.h5` file; or another model.
        sha256: what the file of weights must have, in a preset `model.weights.h5` alone, not the
            classifier beside it; checked before the file is read. No hashes are published for the
            presets: those fetched by name are compared with a record of their first use, see
            `preset_hashes`.
        imagenet: name of a preset.

    Raises:
        ImportError: a preset without KerasHub.
        FileNotFoundError: no file at the path.
        ValueError: an unknown preset, one that cannot be read, or nothing of which matched.
        RuntimeError: a preset that could not be fetched, or another hash than was expected.
    """
    found = _source(source, sha256, imagenet)
    adapted = _fit_positions(found, model)
    report = _transfer(found.weights, model)
    report.adapted += adapted
    report.missed |= found.unread
    if not report.loaded:
        raise ValueError(f"Nothing in {source!r} matched the network {model.name!r}: {report}")
    _set_epsilon(model, found.epsilon)
    level = logging.WARNING if report.new or report.missed else logging.INFO
    _log.log(level, "Weights from %s into %s: %s", source, model.name, report)
    return report


def _source(source: Any, sha256: str | None, imagenet: str | None) -> Source:
    """Reads the weights once their hash is as expected."""
    if isinstance(source, keras.Model):
        return Source(_of_model(source), patch_grid(source))
    path = Path(source)
    if path.suffix in (".keras", ".h5"):
        return _of_file(path, sha256)
    if source != "imagenet" and path.is_dir():
        hashes.check(path / presets.WEIGHTS_FILE, sha256)
        return presets.read(path)
    name = _preset_name(source, imagenet)
    folder = presets.fetch(name)
    hashes.check(folder / presets.WEIGHTS_FILE, sha256)
    hashes.check_against_first_use(name, folder)
    return presets.read(folder)


def _preset_name(source: Any, imagenet: str | None) -> str:
    if source != "imagenet":
        return str(source)
    if imagenet is None:
        raise ValueError(
            "KerasHub has no ImageNet weights for this network in this size. Use weights=None, a "
            "path, or a size and network that has them: ViT base or large, DeiT tiny, small or "
            "base."
        )
    return imagenet


def _of_file(path: Path, sha256: str | None) -> Source:
    if not path.is_file():
        raise FileNotFoundError(f"No weights file at {str(path)!r}.")
    hashes.check(path, sha256)
    if path.suffix == ".keras":
        return _source(keras.saving.load_model(path, compile=False), None, None)
    return Source(_of_h5(path))


def _fit_positions(source: Source, model: keras.Model) -> list[str]:
    """Interpolates the positions of `source` to the grid of `model`; the layers it changed."""
    if POSITIONS not in source.weights:
        return []
    [positions] = source.weights[POSITIONS]
    grid = patch_grid(model)
    tokens = model.get_layer(POSITIONS).input.shape[1]
    special = tokens - math.prod(grid)
    old = source.grid or _square(positions.shape[1] - special)
    if old == grid or old is None or positions.shape[1] - math.prod(old) != special:
        return []  # Nothing to fit, or of another network, which the report will say.
    kept, moved = positions[:, :special], positions[:, special:]
    source.weights[POSITIONS] = [np.concatenate([kept, _resized(moved, old, grid)], axis=1)]
    return [POSITIONS]


def _square(patches: int) -> tuple[int, int] | None:
    side = math.isqrt(max(0, patches))
    return (side, side) if side * side == patches else None


def _resized(positions: np.ndarray, old: tuple[int, int], new: tuple[int, int]) -> np.ndarray:
    """`(1, old rows * columns, channels)` to the new grid, a channel at a time."""
    channels = positions.shape[-1]
    image = positions.reshape(1, *old, channels).astype("float32")
    resized = keras.ops.image.resize(
        image, new, interpolation="bilinear", antialias=True, data_format="channels_last"
    )
    return keras.ops.convert_to_numpy(resized).reshape(1, -1, channels)


def _set_epsilon(model: keras.Model, epsilon: float | None) -> None:
    """Gives the normalisations the epsilon that the weights were trained with."""
    for layer in model.layers:
        if epsilon is not None and isinstance(layer, keras.layers.LayerNormalization):
            layer.epsilon = epsilon
