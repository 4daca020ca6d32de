"""A model without its attention modules, with a receipt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from attention_fer.attaching.copying import Edit, copied
from attention_fer.attaching.graph import Call, Key
from attention_fer.attaching.opening import check_model, graph_of
from attention_fer.attaching.receipt import Place, Receipt, place_of
from attention_fer.attaching.selecting import Selector, as_list, matches, shown
from attention_fer.common import keras_private
from attention_fer.layers import AttentionModule


def detach(model: keras.Model, only: Selector | None = None) -> tuple[keras.Model, Receipt]:
    """Return a copy of a model without its attention modules, and a receipt of what was removed.

    The copy has all other weights and the frozen layers of the model, which does not change. It is
    a functional model and is not compiled. Modules in nested models are removed too; modules inside
    other layers are not.

    Args:
        model: functional or sequential, with a known input.
        only: which modules to remove: names, patterns, classes or functions, as `after` of
            `attach`; None for every `layers.AttentionModule`.

    Returns:
        The model without the modules, and a receipt to print.

    Raises:
        ValueError: an unsupported kind of model, or it has no such module.

    Example:
        >>> attentive, _ = attach(plain, "se", after="stage")
        >>> plain_again, receipt = detach(attentive)
    """
    check_model(model)
    removed, not_found = _select(model, only)
    places: list[Place] = []
    edits: dict[Key, Edit] = {}
    for call in removed:
        edits[call.key] = _left_out
        first = all(call.operation is not other.operation for other in removed[: len(places)])
        places.append(place_of(call.parents[0].path, call.operation, call.tensors[0], not first))
    copy = copied(model, edits)
    return copy.model, Receipt(
        action="detached",
        model=model.name,
        places=tuple(places),
        weights_kept=copy.kept,
        weights=copy.count,
        plain_parameters=copy.model.count_params(),
        not_found=tuple(not_found),
        notes=(*_notes(copy.model, only), *copy.notes),
    )


def _select(model: keras.Model, only: Selector | None) -> tuple[list[Call], list[str]]:
    modules = {
        call.key: call
        for call in graph_of(model).calls
        if isinstance(call.operation, AttentionModule)
    }
    selectors = [AttentionModule] if only is None else as_list(only)
    removed, not_found = {}, []
    for one in selectors:
        found = {k: c for k, c in modules.items() if matches(one, c.operation, c.path)}
        removed.update(found)
        not_found += [] if found else [shown(one)]
    if not removed:
        names = ", ".join(call.path for call in modules.values()) or "none"
        raise ValueError(
            f"only must select an attention module of the model, got {only!r}. Modules: {names}."
        )
    return [call for key, call in modules.items() if key in removed], not_found


def _left_out(call: Callable[[], Any], given: Any) -> Any:
    return given


def _notes(plain: keras.Model, only: Selector | None) -> list[str]:
    left = [
        layer.path
        for layer in keras_private.flatten_layers(plain)
        if isinstance(layer, AttentionModule)
    ]
    if only is not None or not left:
        return []
    return [f"Modules inside other layers stay: {', '.join(left)}."]
