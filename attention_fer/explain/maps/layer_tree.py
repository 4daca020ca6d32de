"""The layers of a model by path, including those of nested models, and the order they run in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import keras

from attention_fer.common import keras_private
from attention_fer.common.checks import one_of
from attention_fer.explain.maps.running import run_model, wrapped_call
from attention_fer.layers import AttentionModule

# These only move, hide or thin out the values of the map before them, which is used instead.
_PASSING = (
    keras.layers.AveragePooling2D,
    keras.layers.Cropping2D,
    keras.layers.Dropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.MaxPooling2D,
    keras.layers.Permute,
    keras.layers.Reshape,
    keras.layers.SpatialDropout2D,
    keras.layers.UpSampling2D,
    keras.layers.ZeroPadding2D,
)


@dataclass(frozen=True)
class LayerRun:
    """A layer that ran: its path, the shape of its output, and the layout of its maps."""

    path: str
    layer: keras.layers.Layer
    shape: tuple[int, ...]
    data_format: str

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of a map; None if the output is not a map."""
        if len(self.shape) != 4:
            return None
        height, width = self.shape[2:] if self.data_format == "channels_first" else self.shape[1:3]
        return height, width


def layers_by_path(model: keras.Model) -> dict[str, keras.layers.Layer]:
    """The layers of `model`; those of a nested model are `outer/inner` and precede it."""
    found: dict[str, keras.layers.Layer] = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            inner = layers_by_path(layer)
            found.update({f"{layer.name}/{path}": below for path, below in inner.items()})
        found[layer.name] = layer
    return found


def attention_layers(model: keras.Model) -> dict[str, AttentionModule]:
    """The attention modules of `model` by path, including those that other layers hold."""
    found: dict[str, AttentionModule] = {}
    for path, layer in layers_by_path(model).items():
        if not isinstance(layer, keras.Model):
            found.update(_attention_within(path, layer))
    return found


def _attention_within(
    path: str, layer: keras.layers.Layer
) -> Iterator[tuple[str, AttentionModule]]:
    if isinstance(layer, AttentionModule):
        yield path, layer
        return
    for below in keras_private.sublayers(layer):
        yield from _attention_within(f"{path}/{below.name}", below)


def run_order(model: keras.Model, image: Any) -> list[LayerRun]:
    """The layers of `model` and of models nested in it, in the order in which they finish.

    Args:
        model: runs once, on one image.
        image: a batch of one, as `model` takes it.
    """
    order: list[LayerRun] = []
    data_format = keras.config.image_data_format()

    def recorded(path: str, layer: keras.layers.Layer) -> Any:
        def call(original: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal data_format
            outputs = original(*args, **kwargs)
            data_format = getattr(layer, "data_format", None) or data_format
            shape = tuple(getattr(outputs, "shape", ()))
            order.append(LayerRun(path, layer, shape, data_format))
            return outputs

        return wrapped_call(layer, call)

    with contextlib.ExitStack() as hooks:
        for path, layer in layers_by_path(model).items():
            hooks.enter_context(recorded(path, layer))
        run_model(model, image)
    return order


def data_format_of(layers: Iterable[keras.layers.Layer]) -> str:
    """The data format of a model's images: that of its first layer that has one."""
    formats = (getattr(layer, "data_format", None) for layer in layers)
    return next(filter(None, formats), keras.config.image_data_format())


def find_layer(order: list[LayerRun], name: str) -> LayerRun:
    """The layer of a path or of the end of one: `base/relu`, or `relu` if only one matches.

    Raises:
        ValueError: an unknown name, a name that several layers share, or a layer that runs more
            than once.
    """
    paths = list(dict.fromkeys(run.path for run in order))
    matching = [path for path in paths if path == name]
    matching = matching or [path for path in paths if path.endswith(f"/{name}")]
    if not matching:
        one_of("layer", name, dict.fromkeys([*paths, *(path.split("/")[-1] for path in paths)]))
    if len(matching) > 1:
        raise ValueError(
            f"{len(matching)} layers are called {name!r}. Give one of {', '.join(matching)}."
        )
    found = [run for run in order if run.path == matching[0]]
    if len(found) > 1:
        raise ValueError(
            f"The layer {name!r} must run once in this model, got {len(found)} runs. Choose "
            "another."
        )
    return found[0]


def last_convolution(order: list[LayerRun]) -> LayerRun:
    """The last map with the size of the last convolution's, after its activation and addition.

    Ignores pooling and everything after it, and maps of one pixel.

    Raises:
        ValueError: no convolution outputs a map of more than one pixel, the last map is cut into
            tokens, as in a transformer, whose decision is not made from that map, or it is made
            more than once.
    """
    maps = [run for run in order if _is_map(run)]
    convolutions = [run for run in maps if _convolves(run.layer)]
    after = order.index(convolutions[-1]) if convolutions else len(order)
    tokens = any(len(run.shape) == 3 for run in order[after:])
    if not convolutions or tokens:
        found = "turns its feature map into tokens" if tokens else "has no convolution with a map"
        raise ValueError(
            f"This model {found}, but Grad-CAM needs the feature map of the last convolution, with "
            "more than one pixel. For a transformer use the attention rollout (`rollout`, --method "
            "rollout); for another model name a layer that outputs a map (`layer=`, --layer)."
        )
    of_size = [run for run in maps if run.size == convolutions[-1].size]
    layers = [run.layer for run in order]
    once = [run for run in of_size if layers.count(run.layer) == 1]
    if not once:
        raise ValueError(
            f"The last map must be computed once in this model, but {of_size[-1].path!r} runs more "
            "than once. Give a model that runs it once, such as the inner network."
        )
    return once[-1]


def _is_map(run: LayerRun) -> bool:
    passing = isinstance(run.layer, (keras.Model, *_PASSING))
    return run.size is not None and run.size != (1, 1) and not passing


def _convolves(layer: keras.layers.Layer) -> bool:
    """Whether a layer is or holds a two-dimensional convolution outside attention modules."""
    kernels = any(len(weight.shape) == 4 for weight in layer.weights)
    return kernels and not isinstance(layer, AttentionModule)
