"""Reading weights from models and HDF5 files, as arrays by layer name.

Names are those of layers, or `layer/sublayer` for a layer inside a layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

Weights = dict[str, list[np.ndarray]]


def read_model(model: keras.Model) -> Weights:
    """Return the weights of a model."""
    weights: Weights = {}
    for layer, variables in variables_by_layer(model).items():
        weights[layer] = [keras.ops.convert_to_numpy(variable) for variable in variables]
    return weights


def variables_by_layer(model: keras.Model) -> dict[str, list[Any]]:
    """Return the variables of each layer, in Keras's order."""
    groups: dict[str, list[Any]] = {}
    for variable in model.weights:
        groups.setdefault(variable.path.rpartition("/")[0], []).append(variable)
    return groups


def read_file(path: Path) -> Weights:
    """Return the weights in a `.keras`, `.weights.h5` or old Keras `.h5` file.

    Raises:
        FileNotFoundError: no file at the path.
        ValueError: the file holds no Keras weights with layer names.
    """
    if not path.is_file():
        raise FileNotFoundError(f"No weights file at {str(path)!r}.")
    if path.suffix == ".keras":
        return read_model(keras.saving.load_model(path, compile=False))
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(f"{str(path)!r} must be an HDF5 file of Keras weights: {error}") from error
    with file:
        old = file.get("model_weights", file)
        weights = dict(_read_old(old) if "layer_names" in old.attrs else read_group(file))
    if not weights:
        raise ValueError(
            f"{str(path)!r} must hold Keras weights with layer names, got none. Save the model as "
            ".keras, or its weights with Keras 3.7 or newer, which writes names."
        )
    return weights


def _read_old(root: h5py.Group) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Yield the layers of the layout of Keras 1 and 2, that of the files of keras.applications."""
    for name in map(_text, root.attrs["layer_names"]):
        keys = [_text(key) for key in root[name].attrs["weight_names"]]
        sublayers: Weights = {}
        for key, owner in zip(keys, _owners(name, keys), strict=True):
            sublayers.setdefault(owner, []).append(np.asarray(root[name][key]))
        yield from sublayers.items()


def _owners(name: str, keys: list[str]) -> list[str]:
    """Return the layer or `layer/sublayer` that owns each weight of a layer.

    A weight of the layer itself is called `kernel` or `layer/kernel`, one inside it
    `layer/inner/kernel` or, in a Sequential of Keras 2, `inner/kernel`. If all start with one
    other name, that is the name of the layer when it was created.
    """
    scopes = [key.split("/")[:-1] for key in keys]
    other = {tuple(scope) for scope in scopes if scope[:1] != [name]}
    if len(other) == 1:
        return [name] * len(keys)
    return ["/".join([name, *scope[scope[:1] == [name] :]]) for scope in scopes]


def read_group(
    group: h5py.Group, names: tuple[str, ...] = ()
) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Yield the layers of the layout of Keras 3: nested groups, with names in their `vars`."""
    own = group.get("vars")
    # The name of the root is that of the model, which a layer of another model need not share.
    if own is not None and "name" in own.attrs and group.name != "/":
        names += (_text(own.attrs["name"]),)
    if own is not None and len(own) and names:
        yield "/".join(names), [_array(own[key]) for key in sorted(own, key=int)]
    for key, child in group.items():
        if key != "vars" and isinstance(child, h5py.Group):
            yield from read_group(child, names)


def _array(stored: h5py.Dataset) -> np.ndarray:
    """Return a stored array. HDF5 has no bfloat16, which Keras writes as two raw bytes."""
    if _text(stored.attrs.get("dtype", "")) != "bfloat16":
        return np.asarray(stored)
    return (np.asarray(stored).view("u2").astype("u4") << 16).view("f4")


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
