"""What a model is made of: its layers by path, also those of models nested in it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

from attention_fer.common.checks import one_of
from attention_fer.explain.maps.hooks import around, run
from attention_fer.layers import Attention

# What only moves, hides or thins out values of the map before it; a map is looked at before these.
_BESIDE = (
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
class Called:
    """A layer that ran: its path, the shape it gave, and how its maps are laid out."""

    path: str
    layer: keras.layers.Layer
    shape: tuple[int, ...]
    data_format: str

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of a map, None for what is no map."""
        if len(self.shape) != 4:
            return None
        height, width = self.shape[2:] if self.data_format == "channels_first" else self.shape[1:3]
        return height, width


def layers_by_path(model: keras.Model) -> dict[str, keras.layers.Layer]:
    """The layers of `model`; those of a nested model are `outer/inner` and come before it."""
    found: dict[str, keras.layers.Layer] = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            inner = layers_by_path(layer)
            found.update({f"{layer.name}/{path}": below for path, below in inner.items()})
        found[layer.name] = layer
    return found


def attention_layers(model: keras.Model) -> dict[str, Attention]:
    """The attention modules of `model` by path, also those held by another layer."""
    found: dict[str, Attention] = {}
    for path, layer in layers_by_path(model).items():
        if not isinstance(layer, keras.Model):
            found.update(_held(path, layer))
    return found


def _held(path: str, layer: keras.layers.Layer) -> Iterator[tuple[str, Attention]]:
    if isinstance(layer, Attention):
        yield path, layer
        return
    for below in layer._flatten_layers(include_self=False, recursive=False):
        yield from _held(f"{path}/{below.name}", below)


def run_order(model: keras.Model, image: Any) -> list[Called]:
    """The layers of `model` and of models nested in it, in the order in which they end.

    Args:
        model: is run once, on one image.
        image: a batch of one, as `model` takes it.
    """
    order: list[Called] = []
    data_format = keras.config.image_data_format()

    def noted(path: str, layer: keras.layers.Layer) -> Any:
        def call(original: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal data_format
            outputs = original(*args, **kwargs)
            data_format = getattr(layer, "data_format", None) or data_format
            shape = tuple(getattr(outputs, "shape", ()))
            order.append(Called(path, layer, shape, data_format))
            return outputs

        return around(layer, call)

    with contextlib.ExitStack() as taps:
        for path, layer in layers_by_path(model).items():
            taps.enter_context(noted(path, layer))
        run(model, image)
    return order


def image_format(order: list[Called]) -> str:
    """How the images of a model that ran are laid out: as its first layer that says so has it."""
    own = (getattr(called.layer, "data_format", None) for called in order)
    return next(filter(None, own), keras.config.image_data_format())


def find_layer(order: list[Called], name: str) -> Called:
    """The layer of a path, or of the end of one: `base/relu`, or `relu` where there is but one.

    Raises:
        ValueError: an unknown name, with the nearest; one that several layers share, with their
            paths; a layer that runs more than once.
    """
    paths = list(dict.fromkeys(called.path for called in order))
    matching = [path for path in paths if path == name]
    matching = matching or [path for path in paths if path.endswith(f"/{name}")]
    if not matching:
        one_of("layer", name, [*paths, *(path.rpartition("/")[2] for path in paths)])
    if len(matching) > 1:
        raise ValueError(
            f"{len(matching)} layers are called {name!r}: give one of {', '.join(matching)}."
        )
    found = [called for called in order if called.path == matching[0]]
    if len(found) > 1:
        raise ValueError(
            f"The layer {name!r} runs {len(found)} times in this model, and a map has to come from "
            "one run: give a layer that runs once."
        )
    return found[0]


def last_convolution(order: list[Called]) -> Called:
    """The last map of the last convolution's size, after its normalisation, activation, addition.

    Pooling and what comes after it are not looked at, nor is a map of one pixel.

    Raises:
        ValueError: no convolution gives a map of more than one pixel, or the last map is cut into
            tokens, as in a transformer, whose decision is not made of that map.
    """
    maps = [called for called in order if _is_map(called)]
    convolutions = [called for called in maps if _convolves(called.layer)]
    tokens = any(len(called.shape) == 3 for called in order[_last_place(order, convolutions) :])
    if not convolutions or tokens:
        found = "cuts its map into tokens" if tokens else "has no convolution with a map"
        raise ValueError(
            f"This model {found}, and Grad-CAM looks at the last map of a convolution, of more "
            "than one pixel. For a transformer take the attention rollout (`rollout`, --method "
            "rollout), for another model name a layer with a map (`layer=`, --layer)."
        )
    of_size = [called for called in maps if called.size == convolutions[-1].size]
    runs = [called.layer for called in order]
    return [called for called in of_size if runs.count(called.layer) == 1][-1]


def _last_place(order: list[Called], convolutions: list[Called]) -> int:
    return order.index(convolutions[-1]) if convolutions else len(order)


def _is_map(called: Called) -> bool:
    beside = isinstance(called.layer, (keras.Model, *_BESIDE))
    return called.size is not None and called.size != (1, 1) and not beside


def _convolves(layer: keras.layers.Layer) -> bool:
    """Whether a layer is, or holds, a two-dimensional convolution that is no attention."""
    kernels = any(len(weight.shape) == 4 for weight in layer.weights)
    return kernels and not isinstance(layer, Attention)
