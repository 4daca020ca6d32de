"""Turns `after=` into calls of a network."""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Union

import keras

from attention_fer.attaching import places
from attention_fer.attaching.ends import beginning, head
from attention_fer.attaching.graph import Call, Graph, Key
from attention_fer.attaching.opening import graph_of

One = Union[str, "re.Pattern[str]", type[keras.layers.Layer], Callable[[Any], bool]]
Selector = Union[One, list[One], tuple[One, ...]]

PLACES: dict[str, Callable[[keras.Model], list[Call]]] = {
    "residual": lambda model: places.residual(graph_of(model)),
    "stage": lambda model: places.stage(graph_of(model, sized=True)),
}


@dataclass(frozen=True)
class Selection:
    """What was selected.

    Attributes:
        calls: the calls, in the order of the network.
        not_found: the selectors that match nothing.
        outside: paths that only a name can select, though a pattern matches them.
    """

    calls: list[Call]
    not_found: tuple[str, ...]
    outside: tuple[str, ...]


def select(model: keras.Model, after: Selector) -> Selection:
    """Return the calls that `after` selects.

    Raises:
        ValueError: nothing is selected, a name is that of an input, or `after` is of another kind.
    """
    graph = graph_of(model)
    closed = beginning(graph) | head(graph)
    selectors = as_list(after)
    keys: set[Key] = set()
    outside: list[str] = []
    not_found: list[str] = []
    for one in selectors:
        found = _found(one, graph, model)
        named = isinstance(one, str) and any(_is_called(one, call) for call in found)
        kept = [call for call in found if named or call not in closed]
        keys.update(call.key for call in kept)
        outside += [call.path for call in found if call not in kept and not call.is_input]
        not_found += [] if kept else [shown(one)]
    # A model that is called twice makes two calls of one key, which are one place.
    calls = {call.key: call for call in graph.calls if call.key in keys}
    if not calls:
        raise ValueError(_nothing(selectors, outside, graph))
    return Selection(list(calls.values()), tuple(not_found), tuple(dict.fromkeys(outside)))


def as_list(selector: Selector) -> list[One]:
    """Return the selectors of a list, or the only one."""
    return list(selector) if isinstance(selector, (list, tuple)) else [selector]


def matches(one: One, layer: Any, path: str) -> bool:
    """Whether a name, a pattern, a class or a predicate selects a layer.

    Raises:
        ValueError: it is none of these.
    """
    names = (layer.name, path)
    if isinstance(one, str):
        return one in names or any(fnmatch.fnmatchcase(name, one) for name in names)
    if isinstance(one, re.Pattern):
        return any(one.search(name) for name in names)
    if isinstance(one, type):
        return isinstance(layer, one)
    if callable(one):
        return bool(one(layer))
    raise ValueError(
        "A layer must be selected by its name, a pattern such as 'conv*_out' or "
        f"re.compile(...), a layer class or a function from a layer to a bool, got {one!r}."
    )


def _found(one: One, graph: Graph, model: keras.Model) -> list[Call]:
    if isinstance(one, str) and one in PLACES:
        keys = {call.key for call in PLACES[one](model)}
        return [call for call in graph.calls if call.key in keys]
    found = [call for call in graph.calls if matches(one, call.operation, call.path)]
    for call in found:
        if call.is_input and isinstance(one, str) and _is_called(one, call):
            raise ValueError(
                f"after must name a layer that comes after the input, got {one!r}, which is an "
                "input."
            )
    return found


def _is_called(name: str, call: Call) -> bool:
    return name in (call.operation.name, call.path)


def shown(one: One) -> str:
    """Return a selector as text."""
    if isinstance(one, re.Pattern):
        return one.pattern
    return one if isinstance(one, str) else getattr(one, "__name__", repr(one))


def _nothing(selectors: list[One], outside: Iterable[str], graph: Graph) -> str:
    """Return the message of the error."""
    text = f"after must select a layer of the model, got {', '.join(map(shown, selectors))!r}"
    if outside:
        first = next(iter(outside))
        return (
            f"{text}, which matches only layers before the first weights or in the head. Select "
            f"such a layer by its name, for example {first!r}."
        )
    if any(one in PLACES for one in selectors if isinstance(one, str)):
        return (
            f"{text}: the graph shows no such place. Layers made of other layers hide their graph; "
            "select layers by name, pattern or class."
        )
    names = [call.operation.name for call in graph.calls]
    asked = [one for one in selectors if isinstance(one, str)]
    for one in asked:
        if inside := [call.path for call in graph.calls if f"/{one}/" in f"/{call.path}"]:
            return (
                f"{text}. {one!r} is a model inside it: select one of its layers, for example "
                f"{inside[-1]!r}."
            )
    near = [name for one in asked for name in difflib.get_close_matches(one, names, n=1)]
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"{text}, which matches none of {len(names)} layers, such as {names[-1]!r}.{hint}"
