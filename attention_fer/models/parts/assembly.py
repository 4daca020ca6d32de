"""From the feature layers of a network to the whole network, and to the networks of a family."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import keras

from attention_fer.common.checks import one_of
from attention_fer.models.parts import heads
from attention_fer.models.parts.common import channel_axis, spatial_sizes
from attention_fer.models.pretrained.by_name import load_into

STEMS = ("imagenet", "small")
POOLINGS = ("avg", "max")

Options = ParamSpec("Options")
Architecture = TypeVar("Architecture")


@dataclass(frozen=True)
class NetworkFeatures:
    """What distinguishes one convolutional network from another.

    Attributes:
        network: title of the network, for error messages.
        layers: applies the layers from the image to the last map.
        default_input: pixels per side and channels if `input_shape` is None.
        minimum: minimum number of pixels per side, and the reason for it.
        flatten: whether the top flattens the last map instead of pooling it.
        neck: applies further layers after the pooling or flattening.
        imagenet: name of the network in `keras.applications`, if it exists there.
        default_name: name of the model if `name` is None.
    """

    network: str
    layers: Callable[[Any], Any]
    default_input: tuple[int, int] = (224, 3)
    minimum: tuple[int, str] = (1, "")
    flatten: bool = False
    neck: Callable[[Any], Any] | None = None
    imagenet: str | None = None
    default_name: str | None = None


def whole_network(build: Callable[Options, NetworkFeatures]) -> Callable[Options, keras.Model]:
    """Turn a function that returns the features of a network into its builder.

    The builder has the same arguments. Those that all networks share, `include_top`, `weights`,
    `input_tensor`, `input_shape`, `pooling`, `classes`, `classifier_activation`, `name`, `head` and
    `seed`, are used here, to add the input, the head and the weights; `build` may ignore them.
    """
    signature = inspect.signature(build)

    @wraps(build)
    def builder(*args: Options.args, **kwargs: Options.kwargs) -> keras.Model:
        features = build(*args, **kwargs)
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        return _assemble(features, **{name: given.arguments[name] for name in _SHARED})

    builder.__signature__ = signature.replace(  # type: ignore[attr-defined]
        return_annotation="keras.Model"
    )
    return builder


def variant(
    family: Callable[Concatenate[Architecture, Options], keras.Model],
) -> Callable[[Callable[[], Architecture]], Callable[Options, keras.Model]]:
    """Turn a function that returns an architecture into the builder of that network.

    The networks of a family share their options. `family` lists and documents them once, after its
    first argument, the architecture. The builder takes the same options, and `inspect.signature`,
    `help`, editors and type checkers show each with its type and default. The default of `name` is
    the function's name in lower case.

    Example:
        >>> @register("resnet50")
        ... @variant(resnet)
        ... def ResNet50() -> Architecture:
        ...     '''ResNet-50.'''  # takes the place of the first line of `resnet.__doc__`
        ...     return Architecture("ResNet50", (3, 4, 6, 3))
        >>> ResNet50(classes=7)

    Args:
        family: builds a network from an architecture and options. "{title}" in its docstring
            stands for the name of the function.
    """

    def decorate(architecture: Callable[[], Architecture]) -> Callable[Options, keras.Model]:
        @wraps(architecture, assigned=("__module__", "__name__", "__qualname__"))
        def builder(*args: Options.args, **kwargs: Options.kwargs) -> keras.Model:
            return family(architecture(), *args, **kwargs)

        title = architecture.__name__
        signature = inspect.signature(family)
        _, *options = signature.parameters.values()
        shown = [p.replace(default=title.lower()) if p.name == "name" else p for p in options]
        shared = (family.__doc__ or "").partition("\n")[2].replace("{title}", title)
        builder.__doc__ = f"{(architecture.__doc__ or '').rstrip()}\n{shared}"
        builder.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
        return builder

    return decorate


def _assemble(
    features: NetworkFeatures,
    include_top: bool,
    weights: Any,
    input_tensor: Any,
    input_shape: tuple[int | None, ...] | None,
    pooling: str | None,
    classes: int,
    classifier_activation: Any,
    name: str | None,
    head: str | heads.Head | None,
    seed: int | None,
) -> keras.Model:
    """Build a network from its input to its classifier and load its weights."""
    one_of("pooling", pooling or "avg", POOLINGS)
    head = heads.chosen(head, include_top)
    inputs, image = image_input(input_tensor, input_shape, include_top, features.default_input)
    _check_size(image, features.network, *features.minimum)
    x = features.layers(image)
    if include_top and features.flatten:
        x = _flattened(x, features.network)
    else:
        x = _pooled(x, pooling or ("avg" if include_top else None))
    x = features.neck(x) if features.neck else x
    if include_top:
        x = heads.apply(x, head, classes, classifier_activation, seed)
    model = keras.Model(inputs, x, name=name or features.default_name)
    if weights is not None:
        load_into(model, weights, imagenet=features.imagenet)
    return model


_SHARED = tuple(inspect.signature(_assemble).parameters)[1:]


def image_input(
    input_tensor: Any,
    input_shape: tuple[int | None, ...] | None,
    include_top: bool,
    default: tuple[int, int] = (224, 3),
) -> tuple[Any, Any]:
    """Return the inputs of a network and the tensor that its first layer takes.

    Args:
        input_tensor, input_shape, include_top: as in the public builders.
        default: pixels per side and channels if `input_shape` is None; without the top, height
            and width are then unknown.

    Raises:
        ValueError: `input_shape` does not have three axes with a known number of channels.
    """
    if input_tensor is not None:
        sources = keras.utils.get_source_inputs(input_tensor)
        return sources[0] if len(sources) == 1 else sources, input_tensor
    if input_shape is None:
        pixels, channels = default
        size = pixels if include_top else None
        input_shape = (channels, size, size) if channel_axis() == 1 else (size, size, channels)
    if len(input_shape) != 3 or input_shape[channel_axis() - 1] is None:
        raise ValueError(
            "input_shape must be (height, width, channels) with a known number of channels, or "
            f"(channels, height, width) for channels_first, got {input_shape!r}."
        )
    image = keras.layers.Input(shape=tuple(input_shape))
    return image, image


def _check_size(image: Any, network: str, least: int, reason: str) -> None:
    if any(size is not None and size < least for size in spatial_sizes(image)):
        raise ValueError(
            f"The image for {network} must have at least {least} pixels per side, got shape "
            f"{tuple(image.shape[1:])}: {reason}."
        )


def _flattened(x: Any, network: str) -> Any:
    if None in x.shape[1:]:
        raise ValueError(
            f"The image for {network} must have a known height and width for its dense layers, got "
            f"a last map of shape {tuple(x.shape[1:])}. Give the whole input_shape, or use "
            "include_top=False."
        )
    return keras.layers.Flatten(name="flatten")(x)


def _pooled(x: Any, pooling: str | None) -> Any:
    if pooling is None:
        return x
    if pooling == "avg":
        return keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return keras.layers.GlobalMaxPooling2D(name="max_pool")(x)
