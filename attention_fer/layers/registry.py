"""Names of the attention modules, and the one place that turns `attention=` into a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, Union

import keras

from attention_fer.common.checks import one_of

Spec = Union[
    None,
    str,
    tuple[str, Mapping[str, Any]],
    type[keras.layers.Layer],
    keras.layers.Layer,
    Callable[..., keras.layers.Layer],
]
LayerClass = TypeVar("LayerClass", bound=type[keras.layers.Layer])

_registry: dict[str, type[keras.layers.Layer]] = {}


def register(name: str) -> Callable[[LayerClass], LayerClass]:
    """Class decorator: gives an attention module its name and makes it serialisable.

    Example:
        >>> @register("scale")
        ... class Scale(Attention): ...

    Raises:
        ValueError: the name already belongs to another class.
    """

    def decorate(cls: LayerClass) -> LayerClass:
        holder = _registry.get(name)
        if holder is not None and _where(holder) != _where(cls):
            raise ValueError(f"The name {name!r} already belongs to {_where(holder)}.")
        # A module of somebody else's package keeps its own namespace in saved files.
        package = cls.__module__.split(".")[0]
        keras.saving.register_keras_serializable(package=package)(cls)
        _registry[name] = cls
        return cls

    return decorate


def names() -> list[str]:
    """The registered names, sorted."""
    return sorted(_registry)


def get(spec: Spec, name: str | None = None) -> keras.layers.Layer | None:
    """A fresh attention layer, or None for `None`.

    Args:
        spec: None; a registered name; a `(name, config)` pair; a layer class; a configured
            layer as a template (its configuration is copied, its weights are not); or a
            callable returning a layer, which is given `name=` if it takes that argument.
        name: name of the new layer.

    Raises:
        ValueError: unknown name, arguments the module does not accept, or a spec of another
            kind.
    """
    if spec is None:
        return None
    if isinstance(spec, keras.layers.Layer):
        return _copy(spec, name)
    if isinstance(spec, str):
        return _registry[one_of("attention module", spec, names())](name=name)
    if isinstance(spec, (tuple, list)) and _is_pair(spec):
        return _registry[one_of("attention module", spec[0], names())](name=name, **spec[1])
    if callable(spec):
        return _call(spec, name)
    raise ValueError(
        f"Cannot make an attention layer of {spec!r}. Allowed: None, a name ({', '.join(names())}),"
        " a (name, config) pair, a layer class, a layer, or a callable returning a layer."
    )


def _where(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _is_pair(spec: Sequence[Any]) -> bool:
    return len(spec) == 2 and isinstance(spec[0], str) and isinstance(spec[1], Mapping)


def _copy(layer: keras.layers.Layer, name: str | None) -> keras.layers.Layer:
    config = layer.get_config()
    config["name"] = name or config["name"]
    return type(layer).from_config(config)


def _call(make: Callable[..., Any], name: str | None) -> keras.layers.Layer:
    parameters = inspect.signature(make).parameters.values()
    takes_name = any(p.name == "name" or p.kind is p.VAR_KEYWORD for p in parameters)
    layer = make(name=name) if takes_name else make()
    if not isinstance(layer, keras.layers.Layer):
        raise ValueError(f"{make!r} returned {layer!r}, expected a Keras layer.")
    return layer
