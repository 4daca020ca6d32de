"""Names of the networks; a family registers its builders here."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras

from attention_fer.common.checks import one_of

Builder = Callable[..., keras.Model]

_registry: dict[str, Builder] = {}


def register(name: str, builder: Builder) -> Builder:
    """Makes `builder` known to `build` under `name`; returns it.

    Raises:
        ValueError: the name already belongs to another builder.
    """
    if _registry.get(name, builder) is not builder:
        raise ValueError(f"The name {name!r} already belongs to a network.")
    _registry[name] = builder
    return builder


def names() -> list[str]:
    """The names `build` takes, family by family."""
    return list(_registry)


def options(name: str) -> dict[str, Any]:
    """The options that the builder of that name takes, with their defaults.

    Raises:
        ValueError: unknown name, with the nearest known one.
    """
    found = inspect.signature(_registry[one_of("network", name, names())]).parameters
    return {key: parameter.default for key, parameter in found.items()}


def build(name: str, **options: Any) -> keras.Model:
    """Builds a network by name, `build("resnet50", **options)` being `ResNet50(**options)`.

    Raises:
        ValueError: unknown name, with the nearest known one.
        TypeError: an option the builder does not take.
    """
    return _registry[one_of("network", name, names())](**options)
