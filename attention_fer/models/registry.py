"""Names of the networks, and building a network by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

import keras

from attention_fer.common.registry import Registry

Builder = Callable[..., keras.Model]
Function = TypeVar("Function", bound=Builder)
Options = ParamSpec("Options")
Given = TypeVar("Given")

_networks: Registry[Builder] = Registry("network")


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


def network(
    family: Callable[Concatenate[Given, Options], keras.Model],
) -> Callable[[Callable[[], Given]], Callable[Options, keras.Model]]:
    """Turn a function that returns an architecture into the builder of that network.

    The networks of a family share their options. `family` lists and documents them once, after its
    first argument, the architecture. The builder takes the same options, and `inspect.signature`,
    `help`, editors and type checkers show each with its type and default. It is registered under
    the function's name in lower case, which is also the default of `name`.

    Example:
        >>> @network(resnet)
        ... def ResNet50() -> Architecture:
        ...     '''ResNet-50.'''  # takes the place of the first line of `resnet.__doc__`
        ...     return Architecture("ResNet50", (3, 4, 6, 3))
        >>> ResNet50(classes=7)

    Args:
        family: builds a network from an architecture and options. "{title}" in its docstring
            stands for the name of the function.
    """

    def decorate(architecture: Callable[[], Given]) -> Callable[Options, keras.Model]:
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
        return register(title.lower(), builder)

    return decorate


def names() -> list[str]:
    """Return the names that `build` accepts, family by family."""
    return _networks.names()


def options(name: str) -> dict[str, Any]:
    """Return the arguments of the builder of that name with their defaults.

    Raises:
        ValueError: an unknown name.
    """
    parameters = inspect.signature(_networks[name]).parameters
    return {key: parameter.default for key, parameter in parameters.items()}


def build(name: str, **options: Any) -> keras.Model:
    """Build a network by name: `build("resnet50", **options)` is `ResNet50(**options)`.

    Raises:
        ValueError: an unknown name.
        TypeError: an option that the builder does not take.
    """
    return _networks[name](**options)
