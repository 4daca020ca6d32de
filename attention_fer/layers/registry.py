"""Names the attention modules; `get` turns an `attention=` argument into a layer."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, Union

import keras

from attention_fer.common.registry import Registry

Spec = Union[
    None,
    str,
    tuple[str, Mapping[str, Any]],
    type[keras.layers.Layer],
    keras.layers.Layer,
    Callable[..., keras.layers.Layer],
]
LayerClass = TypeVar("LayerClass", bound=type[keras.layers.Layer])

_modules: Registry[type[keras.layers.Layer]] = Registry("attention module")


def register(name: str) -> Callable[[LayerClass], LayerClass]:
    """Return a class decorator that names an attention module and makes it serialisable.

    Saved models refer to the class as `<package>><class name>`, where the package is the first
    part of the name of the module that defines it: `mine>Halved` for a class in `mine.py`. Import
    that module to load such a model. A class in a script that is run directly counts as part of
    the module that the script would be when imported, so `python mine.py` saves `mine>Halved`,
    too; a class defined in a notebook belongs to `__main__` and must be defined again.

    Args:
        name: the name for `get` and for the `attention` argument of the networks.

    Example:
        >>> @register("scale")
        ... class Scale(AttentionModule): ...

    Raises:
        ValueError: the name belongs to another class.
    """

    def decorate(cls: LayerClass) -> LayerClass:
        _modules.add(name, cls)
        keras.saving.register_keras_serializable(package=_package(cls))(cls)
        return cls

    return decorate


def names() -> list[str]:
    """Return the sorted names of all modules except combinators."""
    return sorted(name for name, cls in _modules.items() if not _combines(cls))


def combinators() -> list[str]:
    """Return the sorted names of the modules that are made of others."""
    return sorted(name for name, cls in _modules.items() if _combines(cls))


def name_of(cls: type[keras.layers.Layer]) -> str:
    """Return the registered name of a class; of an unregistered one its own, in lower case."""
    found = (name for name, other in _modules.items() if other is cls)
    return next(found, cls.__name__.lower())


def get(spec: Spec, name: str | None = None) -> keras.layers.Layer | None:
    """Return a new attention layer, or None if `spec` is None.

    Args:
        spec: None; a registered name; a `(name, config)` pair; a layer class; a configured layer
            as a template (its configuration is copied, its weights are not); or a callable that
            returns a layer and is passed `name=` if it accepts that argument.
        name: name of the new layer; None for that of the config or the template, or else a new one.

    Raises:
        ValueError: an unknown name, an argument that the module does not accept, or an unsupported
            kind of spec.
    """
    if spec is None:
        return None
    if isinstance(spec, keras.layers.Layer):
        return _copy(spec, name)
    if isinstance(spec, str):
        spec = (spec, {})
    if isinstance(spec, (tuple, list)) and is_pair(spec):
        kind, config = spec
        if _combines(_modules[kind]) and "modules" not in config:
            raise ValueError(
                f"{kind!r} must be given its modules, such as "
                f"({kind!r}, {{'modules': ['eca', 'cbam_spatial']}})."
            )
        return _modules[kind](**{**config, "name": name or config.get("name")})
    if callable(spec):
        return _call(spec, name)
    raise ValueError(
        f"attention must be None, a name ({', '.join(names())}), a (name, config) pair, a layer "
        f"class, a layer or a callable that returns a layer, got {spec!r}."
    )


def is_pair(spec: Sequence[Any]) -> bool:
    """Whether a spec is a `(name, config)` pair."""
    return len(spec) == 2 and isinstance(spec[0], str) and isinstance(spec[1], Mapping)


def _combines(cls: type[keras.layers.Layer]) -> bool:
    return getattr(cls, "combinator", False)


def _package(cls: type) -> str:
    """Return the first part of the name of the module that defines `cls`, for saved models."""
    module = cls.__module__
    if module == "__main__":
        main = sys.modules[module]
        spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
        # `python -m package.module` has a spec, `python module.py` a file, a notebook neither.
        module = spec.name if spec else Path(file).stem if file else module
    return module.split(".")[0]


def _copy(layer: keras.layers.Layer, name: str | None) -> keras.layers.Layer:
    config = layer.get_config()
    config["name"] = name or config["name"]
    return type(layer).from_config(config)


def _call(make: Callable[..., Any], name: str | None) -> keras.layers.Layer:
    parameters = inspect.signature(make).parameters.values()
    takes_name = any(p.name == "name" or p.kind is p.VAR_KEYWORD for p in parameters)
    layer = make(name=name) if takes_name else make()
    if not isinstance(layer, keras.layers.Layer):
        raise ValueError(f"attention must return a Keras layer, got {layer!r} from {make!r}.")
    return layer
