"""Presets of KerasHub, with their weights under the names of our layers.

A preset consists of a JSON file and HDF5 files, without pickles, and only KerasHub's own ViT and
DeiT backbones are built from it.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import keras

from attention_fer.common.checks import one_of
from attention_fer.models.pretrained.by_name import Weights, read_group

WEIGHTS_FILE = "model.weights.h5"
HEAD_FILE = "task.weights.h5"
CLASSES = ("keras_hub>ViTBackbone", "keras_hub>DeiTBackbone")
RENAMED = {"mlp/dense": "mlp/dense_1", "output_layer/output": "mlp/dense_2"}  # DeiT to ours


@dataclass
class TransformerWeights:
    """Weights to load, and properties of the transformer they come from.

    Attributes:
        weights: arrays by our layer names.
        grid: rows and columns of patches; None if unknown.
        epsilon: epsilon of the layer normalisations; None if unknown.
        unread: files that could not be read, with the reason.
    """

    weights: Weights
    grid: tuple[int, int] | None = None
    epsilon: float | None = None
    unread: dict[str, str] = field(default_factory=dict)


def fetch(name: str) -> Path:
    """Return the folder of a preset by its name in KerasHub, after downloading it if necessary.

    KaggleHub checks a download against the MD5 that the server sends with it, if it sends one.

    Raises:
        ImportError: KerasHub is not installed.
        ValueError: an unknown name.
        RuntimeError: the preset could not be downloaded.
    """
    hub = keras_hub()
    known = {**hub.models.ViTBackbone.presets, **hub.models.DeiTBackbone.presets}
    handle = known[one_of("preset", name, known)]["kaggle_handle"].removeprefix("kaggle://")
    return _download(name, handle)


def read(folder: Path) -> TransformerWeights:
    """Return the weights in the folder of a preset, as KerasHub's `save_to_preset` writes it.

    Raises:
        ImportError: KerasHub is not installed.
        ValueError: the folder is not that of a ViT or DeiT preset, or is damaged.
    """
    hub = keras_hub()
    _check_class(folder)
    try:
        backbone = hub.models.Backbone.from_preset(str(folder), dtype="float32")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"The preset in {str(folder)!r} cannot be read: {error}") from error
    source = TransformerWeights(
        _of_backbone(backbone), _grid(backbone), backbone.layer_norm_epsilon
    )
    if (folder / HEAD_FILE).is_file():
        _add_head(source, folder / HEAD_FILE)
    return source


def keras_hub() -> Any:
    """Return KerasHub, or raise ImportError with the command that installs it."""
    try:
        import keras_hub
    except ImportError as error:
        raise ImportError(
            "Presets of pretrained transformers need KerasHub: "
            'pip install "attention-fer[transformers]".'
        ) from error
    return keras_hub


def _download(name: str, handle: str) -> Path:
    import kagglehub

    try:
        return Path(kagglehub.model_download(handle))
    except Exception as error:
        cache = os.environ.get("KAGGLEHUB_CACHE") or Path.home() / ".cache" / "kagglehub"
        raise RuntimeError(
            f"The preset {name!r} could not be downloaded from Kaggle ({handle}): {error} If you "
            f"are offline, download it elsewhere with kagglehub.model_download({handle!r}) and "
            f"pass the folder as weights, or copy the cache, here {str(cache)!r} (KAGGLEHUB_CACHE)."
        ) from error


def _check_class(folder: Path) -> None:
    path = folder / "config.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["registered_name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{str(folder)!r} must be the folder of a KerasHub preset: {path.name}: {error!r}."
        ) from error
    if found not in CLASSES:
        raise ValueError(
            f"The preset in {str(folder)!r} must be one of {', '.join(CLASSES)}, got {found!r}."
        )


def _of_backbone(backbone: Any) -> Weights:
    weights: Weights = {}
    for variable in backbone.weights:
        array = keras.ops.convert_to_numpy(variable)
        weights.setdefault(_place(variable.path), []).append(array)
    # In ViT these are the table of an Embedding; in DeiT, as here, they have a batch axis.
    [positions] = weights["position_embedding"]
    weights["position_embedding"] = [positions.reshape(1, *positions.shape[-2:])]
    return weights


def _place(path: str) -> str:
    """Return our layer for a variable like `vit_encoder/transformer_block_1/mha/query/kernel`."""
    parts = path.split("/")
    # Tokens and DeiT's positions are variables of the embedding layer itself.
    owner = "/".join(parts[1:-1]) or parts[-1]
    for theirs, ours in RENAMED.items():
        if owner.endswith(f"/{theirs}"):
            owner = owner.removesuffix(theirs) + ours
    return owner.replace("/", "_").replace("_mha_", "_mha/")


def _grid(backbone: Any) -> tuple[int, int]:
    sizes = backbone.image_shape
    sizes = sizes[1:] if backbone.data_format == "channels_first" else sizes[:2]
    rows, columns = (pixels // p for pixels, p in zip(sizes, backbone.patch_size, strict=True))
    return rows, columns


def _add_head(source: TransformerWeights, path: Path) -> None:
    """Add the layers of the classifier that a preset has in addition to its backbone."""
    try:
        with h5py.File(path, "r") as file:
            layers = dict(read_group(file["layers"]))
    except (OSError, KeyError) as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error}") from error
    if not layers:
        source.unread[path.name] = "has no layer names"
    source.weights.update(layers)
