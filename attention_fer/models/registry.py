"""Names of the networks, and building a network by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, overload

import keras

from attention_fer.common.checks import one_of
from attention_fer.common.registry import Registry

Builder = Callable[..., keras.Model]
Function = TypeVar("Function", bound=Builder)

_networks: Registry[Builder] = Registry("network")
# Recognisers are not backbones: they have their own input, attention and weights.
_recognisers: Registry[Builder] = Registry("recogniser")


@overload
def register(name: str) -> Callable[[Function], Function]: ...
@overload
def register(name: str, builder: Function) -> Function: ...
def register(name: str, builder: Any = None) -> Any:
    """Make a builder available to `build` under `name`; a decorator if no builder is given.

    Example:
        >>> @register("mine")
        ... def Mine(input_shape, classes, attention=None, width=1.0, seed=None): ...

    Raises:
        ValueError: the name belongs to another builder.
    """
    return _networks.register(name) if builder is None else _networks.add(name, builder)


def register_recogniser(name: str) -> Callable[[Function], Function]:
    """Make the builder of a complete recogniser available to `build`, but not a backbone.

    Raises:
        ValueError: the name belongs to another builder.
    """
    return _recognisers.register(name)


def names() -> list[str]:
    """Return the names of the backbones, family by family."""
    return _networks.names()


def recognisers() -> list[str]:
    """Return the names of the complete recognisers, which take pixels and may be pretrained."""
    return _recognisers.names()


def _builder(name: str) -> Builder:
    known = {**_networks, **_recognisers}
    return known[one_of("network", name, known)]


def options(name: str) -> dict[str, Any]:
    """Return the arguments of the builder of that name with their defaults.

    Raises:
        ValueError: an unknown name.
    """
    parameters = inspect.signature(_builder(name)).parameters
    return {key: parameter.default for key, parameter in parameters.items()}


def build(name: str, **options: Any) -> keras.Model:
    """Build a network by name: `build("resnet50", **options)` is `ResNet50(**options)`.

    Raises:
        ValueError: an unknown name.
        TypeError: an option that the builder does not accept.
    """
    return _builder(name)(**options)
