"""Presets of KerasHub, their weights under the names of our layers.

A preset is a JSON file and HDF5 files; none is pickled, and only KerasHub's own ViT and DeiT
backbones are built from it.
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
from attention_fer.models.pretrained.by_name import Weights, _of_group

WEIGHTS_FILE = "model.weights.h5"
HEAD_FILE = "task.weights.h5"
CLASSES = ("keras_hub>ViTBackbone", "keras_hub>DeiTBackbone")
RENAMED = {"mlp/dense": "mlp/dense_1", "output_layer/output": "mlp/dense_2"}  # of DeiT to ours


@dataclass
class Source:
    """Weights to be loaded, and what is known of the network they come from.

    Attributes:
        weights: our layer, or `layer/sublayer`, to its arrays.
        grid: rows and columns of patches; None where it is not known.
        epsilon: of the layer normalisations; None where it is not known.
        unread: what could not be read, with the reason.
    """

    weights: Weights
    grid: tuple[int, int] | None = None
    epsilon: float | None = None
    unread: dict[str, str] = field(default_factory=dict)


def fetch(name: str) -> Path:
    """The folder of a preset that KerasHub knows by name, downloaded where it is not there yet.

    KaggleHub compares a download with the MD5 that the server sends along with it, where it sends
    one; on top of that see `preset_hashes`.

    Raises:
        ImportError: no KerasHub.
        ValueError: an unknown name.
        RuntimeError: the preset could not be fetched.
    """
    hub = keras_hub()
    known = {**hub.models.ViTBackbone.presets, **hub.models.DeiTBackbone.presets}
    handle = known[one_of("preset", name, known)]["kaggle_handle"].removeprefix("kaggle://")
    return _download(name, handle)


def read(folder: Path) -> Source:
    """Weights of a preset's folder, as KerasHub's `save_to_preset` writes it.

    Raises:
        ImportError: no KerasHub.
        ValueError: not a folder of a ViT or DeiT preset, or a damaged one.
    """
    hub = keras_hub()
    _check_class(folder)
    try:
        backbone = hub.models.Backbone.from_preset(str(folder), dtype="float32")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"The preset in {str(folder)!r} cannot be read: {error}") from error
    source = Source(_of_backbone(backbone), _grid(backbone), backbone.layer_norm_epsilon)
    if (folder / HEAD_FILE).is_file():
        _add_head(source, folder / HEAD_FILE)
    return source


def keras_hub() -> Any:
    """KerasHub, or an ImportError that says how to install it."""
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
            f"The preset {name!r} could not be fetched from Kaggle ({handle}): {error} Without "
            "network, fetch it elsewhere with "
            f"kagglehub.model_download({handle!r}) and give the folder as weights=, or copy the "
            f"folder of the cache, here {str(cache)!r} (KAGGLEHUB_CACHE)."
        ) from error


def _check_class(folder: Path) -> None:
    path = folder / "config.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["registered_name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{str(folder)!r} is not the folder of a KerasHub preset: {path.name}: {error!r}."
        ) from error
    if found not in CLASSES:
        raise ValueError(
            f"The preset in {str(folder)!r} is of class {found!r}, expected one of: "
            f"{', '.join(CLASSES)}."
        )


def _of_backbone(backbone: Any) -> Weights:
    weights: Weights = {}
    for variable in backbone.weights:
        array = keras.ops.convert_to_numpy(variable)
        weights.setdefault(_place(variable.path), []).append(array)
    # An Embedding's table in ViT, in DeiT a variable with a batch axis, as ours.
    [positions] = weights["position_embedding"]
    weights["position_embedding"] = [positions.reshape(1, *positions.shape[-2:])]
    return weights


def _place(path: str) -> str:
    """Our layer of a variable like `vit_encoder/transformer_block_1/mha/query/kernel`."""
    parts = path.split("/")
    # Tokens, and DeiT's positions, are variables of the embedding layer itself.
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


def _add_head(source: Source, path: Path) -> None:
    """The layers of the classifier that a preset has beside its backbone."""
    try:
        with h5py.File(path, "r") as file:
            layers = dict(_of_group(file["layers"], ()))
    except (OSError, KeyError) as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error}") from error
    if not layers:
        source.unread[path.name] = "names no layers"
    source.weights.update(layers)
