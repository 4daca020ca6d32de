"""Reading weights and loading them into a network by layer name, with a report of what was loaded.

Names are those of layers, or `layer/sublayer` for a layer inside a layer.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from attention_fer.models.parts.common import spatial_sizes

Weights = dict[str, list[np.ndarray]]

# Names in keras.applications, and how the names of the same layers end here.
_RENAMED = (
    (re.compile(r"convnext_\w+_head_dense"), "predictions"),
    (re.compile(r"layer_normalization(_\d+)?"), "_head_layernorm"),
)

_log = logging.getLogger("attention_fer")


@dataclass
class LoadReport:
    """Names of the layers that were loaded or not; sublayers are `layer/sublayer`.

    Attributes:
        loaded: layers of the network whose weights were loaded.
        adapted: loaded layers whose weights were fitted to a different number of channels or a
            different grid of patches.
        new: layers of the network that keep their initial weights.
        missed: layers of the source that match no layer of the network, with the reason.
    """

    loaded: list[str] = field(default_factory=list)
    adapted: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    missed: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        missed = [f"{name} ({reason})" for name, reason in self.missed.items()]
        return (
            f"{len(self.loaded)} layers loaded"
            f"{f', {_some(self.adapted)} adapted' if self.adapted else ''}"
            f"; {len(self.new)} new{_colon(self.new)}; {len(self.missed)} missed{_colon(missed)}."
        )


def load_into(
    model: keras.Model, source: str | os.PathLike[str] | keras.Model, imagenet: str | None = None
) -> LoadReport:
    """Load weights into `model` by layer name and log the report.

    A layer is loaded whole or not at all. A first convolution with a different number of input
    channels is adapted: a grey image gives the output that its three-channel copy gave. The report
    is logged, as a warning if any layer is new or missed.

    Args:
        model: the network to load the weights into.
        source: path of a `.keras`, `.weights.h5` or old Keras `.h5` file; another model; or
            "imagenet" for the weights of `keras.applications`, if `imagenet` names them.
        imagenet: name of the network in `keras.applications`.

    Raises:
        FileNotFoundError: no file at the path.
        ValueError: the file holds no Keras weights or none that match, or there are no ImageNet
            weights for this network.
        RuntimeError: the ImageNet weights could not be downloaded.
    """
    report = transfer(_read(source, model, imagenet), model)
    log_report(report, source, model)
    return report


def log_report(report: LoadReport, source: Any, model: keras.Model) -> None:
    """Log the report, as a warning if it is not complete.

    Raises:
        ValueError: nothing was loaded.
    """
    if not report.loaded:
        raise ValueError(f"Nothing in {source!r} matches the network {model.name!r}: {report}")
    level = logging.WARNING if report.new or report.missed else logging.INFO
    _log.log(level, "Weights from %s into %s: %s", source, model.name, report)


def _read(source: Any, model: keras.Model, imagenet: str | None) -> Weights:
    if isinstance(source, keras.Model):
        return read_model(source)
    if source == "imagenet" and imagenet is not None:
        return read_model(_applications_model(imagenet, model))
    if source == "imagenet" and not Path(source).exists():
        raise ValueError(
            f"weights must be the path of a file for {model.name!r}, got 'imagenet'. There are no "
            "ImageNet weights for this network."
        )
    return read_file(Path(source))


def transfer(weights: Weights, model: keras.Model) -> LoadReport:
    """Assign weights to the layers of the same name and shapes, and report."""
    report = LoadReport()
    targets = variables_by_layer(model)
    for source, arrays in weights.items():
        layer = _name_here(source, targets, weights)
        variables = targets.get(layer)
        if variables is None:
            report.missed[source] = "no such layer"
            continue
        shapes = [array.shape for array in arrays], [tuple(v.shape) for v in variables]
        pairs = list(zip(*shapes, strict=False))
        fitted = [_fit(a, there) for a, (_, there) in zip(arrays, pairs, strict=False)]
        if len(arrays) != len(variables) or any(array is None for array in fitted):
            report.missed[source] = f"shapes {shapes[0]}, here {shapes[1]}"
            continue
        for array, variable in zip(fitted, variables, strict=True):
            variable.assign(array)
        report.loaded.append(layer)
        if any(given != there for given, there in pairs):
            report.adapted.append(layer)
    report.new = [layer for layer in targets if layer not in report.loaded]
    return report


def _name_here(source: str, targets: Iterable[str], sources: Iterable[str]) -> str:
    """Return the name in the network of a layer of the source.

    A layer inside a Sequential of the source may be in the network itself.
    """
    names = [source, source.rpartition("/")[2]]
    for pattern, end in _RENAMED:
        if pattern.fullmatch(source):
            names += [name for name in targets if name.endswith(end)]
    # A layer that the source has under its own name is not available to another one.
    free = [name for name in names if name in targets and (name == source or name not in sources)]
    return free[0] if free else source


def _fit(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """Return the array, or the kernel of a colour convolution fitted to other channels, or None."""
    if array.shape == shape:
        return array
    colour = len(shape) == 4 and array.ndim == 4 and array.shape[2] == 3
    if not colour or array.shape[:2] != shape[:2] or array.shape[3] != shape[3]:
        return None
    # A kernel summed over the colours gives for a grey image what it gave for its copy in three
    # channels; spread evenly, it does so for any number of equal channels.
    return np.repeat(array.sum(axis=2, keepdims=True) / shape[2], shape[2], axis=2)


def _applications_model(imagenet: str, model: keras.Model) -> keras.Model:
    # The dense layers of VGG fit one image size only; ResNets pool before theirs.
    sizes = spatial_sizes(model.inputs[0])
    whole = any(layer.name == "predictions" for layer in model.layers)
    whole = whole and model.output_shape[-1] == 1000
    whole = whole and (sizes == (224, 224) or not imagenet.startswith("VGG"))
    try:
        return getattr(keras.applications, imagenet)(weights="imagenet", include_top=whole)
    except Exception as error:
        raise RuntimeError(
            f"The ImageNet weights of {imagenet} could not be downloaded through "
            f"keras.applications: {error} If you are offline, download the file elsewhere and pass "
            "its path as weights, or put it into the folder `models` of the Keras home, usually "
            "~/.keras/models."
        ) from error


def _some(names: list[str], most: int = 6) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def _colon(names: list[str]) -> str:
    return f" ({_some(names)})" if names else ""


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
