"""Loading weights into a network by layer name, with a report of what found its place."""

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

from attention_fer.models.parts.common import channel_axis

Weights = dict[str, list[np.ndarray]]

# Names in keras.applications that a family here replaces, and the end of its own name for them.
_RENAMED = (
    (re.compile(r"convnext_\w+_head_dense"), "predictions"),
    (re.compile(r"layer_normalization(_\d+)?"), "_head_layernorm"),
)

_log = logging.getLogger("attention_fer")


@dataclass
class LoadReport:
    """What `load_into` did, each a list of layer names (sublayers as `layer/sublayer`).

    Attributes:
        loaded: layers of the network that got weights.
        adapted: those of them whose first convolution was fitted to another number of channels.
        new: layers of the network that keep their initial weights.
        missed: layers of the source that found no place, with the reason.
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
    """Loads weights into `model` by layer name and logs the report.

    A layer is loaded whole or not at all. A first convolution with another number of input
    channels is adapted so that a grey image gives what its three-channel copy gave. The report
    is logged as a warning where anything is new or missed, so that nothing is dropped silently.

    Args:
        model: the network to fill.
        source: path of a `.keras`, `.weights.h5` or old Keras `.h5` file; another model; or
            "imagenet" for the weights of `keras.applications`, where `imagenet` names them.
        imagenet: name of the network in `keras.applications`.

    Raises:
        FileNotFoundError: no file at the path.
        ValueError: a file that holds no Keras weights, or nothing of which matched; "imagenet"
            for a network that has no such weights.
        RuntimeError: the ImageNet weights could not be fetched.
    """
    report = _transfer(_read(source, model, imagenet), model)
    if not report.loaded:
        raise ValueError(f"Nothing in {source!r} matched the network {model.name!r}: {report}")
    level = logging.WARNING if report.new or report.missed else logging.INFO
    _log.log(level, "Weights from %s into %s: %s", source, model.name, report)
    return report


def _read(source: Any, model: keras.Model, imagenet: str | None) -> Weights:
    if isinstance(source, keras.Model):
        return _of_model(source)
    if source == "imagenet" and imagenet is not None:
        return _of_model(_applications_model(imagenet, model))
    path = Path(source)
    if source == "imagenet" and not path.exists():
        raise ValueError(
            f"There are no ImageNet weights for {model.name!r}; give the path of a weights file."
        )
    if not path.is_file():
        raise FileNotFoundError(f"No weights file at {str(path)!r}.")
    if path.suffix == ".keras":
        return _of_model(keras.saving.load_model(path, compile=False))
    return _of_h5(path)


def _of_model(model: keras.Model) -> Weights:
    weights: Weights = {}
    for layer, variables in _variables(model).items():
        weights[layer] = [keras.ops.convert_to_numpy(variable) for variable in variables]
    return weights


def _variables(model: keras.Model) -> dict[str, list[Any]]:
    """Layer or `layer/sublayer` to its variables, in Keras's order."""
    groups: dict[str, list[Any]] = {}
    for variable in model.weights:
        groups.setdefault(variable.path.rpartition("/")[0], []).append(variable)
    return groups


def _of_h5(path: Path) -> Weights:
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(f"{str(path)!r} is not an HDF5 file of Keras weights: {error}") from error
    with file:
        old = file.get("model_weights", file)
        weights = dict(_of_old_h5(old) if "layer_names" in old.attrs else _of_group(file, ()))
    if not weights:
        raise ValueError(
            f"{str(path)!r} holds no Keras weights with layer names. Save the model as .keras, or "
            "its weights with a Keras version that writes names (3.7 or newer)."
        )
    return weights


def _of_old_h5(root: h5py.Group) -> Iterator[tuple[str, list[np.ndarray]]]:
    """The Keras 1 and 2 layout, in which keras.applications publishes its files."""
    for name in map(_text, root.attrs["layer_names"]):
        keys = [_text(key) for key in root[name].attrs["weight_names"]]
        sublayers: Weights = {}
        for key, owner in zip(keys, _owners(name, keys), strict=True):
            sublayers.setdefault(owner, []).append(np.asarray(root[name][key]))
        yield from sublayers.items()


def _owners(name: str, keys: list[str]) -> list[str]:
    """The layer or `layer/sublayer` of each weight of a layer.

    A layer's own weight is called `kernel` or `layer/kernel`, one inside it `layer/inner/kernel`
    or, in a Sequential of Keras 2, `inner/kernel`. Where all begin with one other name, that is
    what the layer was called when it was made.
    """
    scopes = [key.split("/")[:-1] for key in keys]
    other = {tuple(scope) for scope in scopes if scope[:1] != [name]}
    if len(other) == 1:
        return [name] * len(keys)
    return ["/".join([name, *scope[scope[:1] == [name] :]]) for scope in scopes]


def _of_group(group: h5py.Group, names: tuple[str, ...]) -> Iterator[tuple[str, list[np.ndarray]]]:
    """The Keras 3 layout: nested groups, the layer's name an attribute of its `vars`."""
    own = group.get("vars")
    # The root's name is the model's, which no layer of another model need share.
    if own is not None and "name" in own.attrs and group.name != "/":
        names += (_text(own.attrs["name"]),)
    if own is not None and len(own) and names:
        yield "/".join(names), [_array(own[key]) for key in sorted(own, key=int)]
    for key, child in group.items():
        if key != "vars" and isinstance(child, h5py.Group):
            yield from _of_group(child, names)


def _array(stored: h5py.Dataset) -> np.ndarray:
    """A stored array; HDF5 has no bfloat16, which Keras writes as two raw bytes."""
    if _text(stored.attrs.get("dtype", "")) != "bfloat16":
        return np.asarray(stored)
    return (np.asarray(stored).view("u2").astype("u4") << 16).view("f4")


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _transfer(weights: Weights, model: keras.Model) -> LoadReport:
    report = LoadReport()
    targets = _variables(model)
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
    """What a layer of the source is called in the network, if not the same.

    A layer inside a Sequential of the source may stand in the network itself.
    """
    names = [source, source.rpartition("/")[2]]
    for pattern, end in _RENAMED:
        if pattern.fullmatch(source):
            names += [name for name in targets if name.endswith(end)]
    # Those that the source has under their own name are not for another of its layers.
    free = [name for name in names if name in targets and (name == source or name not in sources)]
    return free[0] if free else source


def _fit(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """`array` itself, or a colour convolution's kernel fitted to other channels, or None."""
    if array.shape == shape:
        return array
    colour = len(shape) == 4 and array.ndim == 4 and array.shape[2] == 3
    if not colour or array.shape[:2] != shape[:2] or array.shape[3] != shape[3]:
        return None
    # Summed over the colours a kernel answers a grey image as it answered its copy in three
    # channels; spread evenly it does so for any number of equal channels.
    return np.repeat(array.sum(axis=2, keepdims=True) / shape[2], shape[2], axis=2)


def _applications_model(imagenet: str, model: keras.Model) -> keras.Model:
    # VGG's dense layers fit one image size only; ResNets pool before theirs.
    sizes = [size for axis, size in enumerate(model.input_shape) if axis not in (0, channel_axis())]
    whole = any(layer.name == "predictions" for layer in model.layers)
    whole = whole and model.output_shape[-1] == 1000
    whole = whole and (sizes == [224, 224] or not imagenet.startswith("VGG"))
    try:
        return getattr(keras.applications, imagenet)(weights="imagenet", include_top=whole)
    except Exception as error:
        raise RuntimeError(
            f"The ImageNet weights of {imagenet} could not be fetched through "
            f"keras.applications: {error} Without network, fetch the file elsewhere and give its "
            "path as weights=, or put it into the folder `models` of the Keras home, usually "
            "~/.keras/models."
        ) from error


def _some(names: list[str], most: int = 6) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def _colon(names: list[str]) -> str:
    return f" ({_some(names)})" if names else ""
