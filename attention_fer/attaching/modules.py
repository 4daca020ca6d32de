"""Makes the module for a place, which sets its start, its data format and its dtype policy."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import keras

from attention_fer import layers
from attention_fer.attaching.graph import Call
from attention_fer.common import keras_private
from attention_fer.layers.base import LOW_PRECISION
from attention_fer.layers.registry import is_pair


def module_for(
    spec: layers.Spec, start: str | None, place: Call, name: str
) -> tuple[keras.layers.Layer, str]:
    """Return a new module, and why it cannot start as the identity ("" if it can).

    Args:
        spec: what to make, see `layers.get`. A name, a pair or a class of an attention module
            takes start, data format and dtype policy from here, unless a pair has its own.
        start: as for `attach`.
        place: the call whose output the module takes.
        name: name of the module.

    Raises:
        ValueError: see `layers.get`; also `start` with a layer or a function, which have their own,
            or with a pair that has another.
        IdentityStartError: `start` is given, and the module does not support it.
    """
    given = _start_of(spec)
    if None not in (start, given) and start != given:
        raise ValueError(
            f"start must be that of the pair, {given!r}, or None, got {start!r} with {spec!r}."
        )
    own: dict[str, Any] = {"dtype": _policy(place)}
    if place.data_format:
        own["data_format"] = place.data_format
    follows, asked = _with(spec, {**own, "start": start or "identity"})
    if not follows:
        if start is not None:
            raise ValueError(
                f"start must be None with {spec!r}, which sets its own start, got {start!r}. Give "
                "the module by its name or class, or as a (name, config) pair."
            )
        return _made(spec, place, name), ""
    try:
        return _made(asked, place, name), ""
    except layers.IdentityStartError as error:
        if start is not None or given is not None:
            raise
        return _made(_with(spec, {**own, "start": "paper"})[1], place, name), str(error)


def check_place(place: Call) -> None:
    """Check that the output of a call is one map that a module could take.

    Raises:
        ValueError: it is not; naming the place.
    """
    if len(place.tensors) != 1:
        problem = f"has {len(place.tensors)} outputs, not one"
    elif not keras.backend.is_float_dtype(place.tensors[0].dtype):
        problem = f"has an output of {place.tensors[0].dtype}, not of floating-point numbers"
    elif keras_private.has_mask(place.tensors[0]):
        problem = "has an output with a mask, which the module would not pass on"
    else:
        return
    raise ValueError(f"No module can go after {place.path!r}, which {problem}.")


def _made(spec: layers.Spec, place: Call, name: str) -> keras.layers.Layer:
    module = layers.get(spec, name=name)
    if module is None:
        raise ValueError("attention must be a module, got None.")
    data_format = getattr(module, "data_format", None)
    if data_format and place.data_format and data_format != place.data_format:
        raise ValueError(
            f"The data_format of a module after {place.path!r} must be {place.data_format!r}, got "
            f"{data_format!r}."
        )
    return module


def _with(spec: layers.Spec, own: Mapping[str, Any]) -> tuple[bool, Any]:
    """Return whether a spec takes arguments, and the spec with them."""
    if isinstance(spec, str):
        return True, (spec, dict(own))
    if isinstance(spec, (tuple, list)) and is_pair(spec):
        return True, (spec[0], {**own, **spec[1]})
    if isinstance(spec, type) and issubclass(spec, layers.AttentionModule):
        return True, functools.partial(spec, **own)
    return False, spec


def _start_of(spec: layers.Spec) -> Any:
    """Return the start that a pair sets itself."""
    return spec[1].get("start") if isinstance(spec, (tuple, list)) and is_pair(spec) else None


def _policy(place: Call) -> str:
    """Return the dtype policy of the nearest layer, as it was before it was quantised."""
    call = place
    while not isinstance(call.operation, keras.layers.Layer):
        call = call.parents[0]
    compute, variable = str(place.tensors[0].dtype), call.operation.variable_dtype
    return f"mixed_{compute}" if compute != variable and compute in LOW_PRECISION else compute
