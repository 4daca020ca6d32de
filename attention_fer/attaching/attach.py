"""Attention for any functional or sequential model, with a receipt."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import keras

from attention_fer import layers
from attention_fer.attaching.copying import Edit, copied
from attention_fer.attaching.graph import Call, Key
from attention_fer.attaching.modules import check_place, module_for
from attention_fer.attaching.opening import as_functional, check_model
from attention_fer.attaching.receipt import Place, Receipt, place_of
from attention_fer.attaching.selecting import Selection, Selector, select
from attention_fer.common.errors import cause


def attach(
    model: keras.Model, attention: layers.Spec, after: Selector, start: str | None = None
) -> tuple[keras.Model, Receipt]:
    """Return a copy of a model with attention modules, and a receipt of what was added.

    The copy has the weights and the frozen layers of the model, which does not change. With modules
    that start as the identity, both return the same outputs at first. Modules are trainable, even
    in a frozen model. The copy is a functional model and is not compiled.

    A module is called `<layer>_attention` and follows the data format and the dtype policy of the
    layer before it. If a layer with weights is called several times, all calls share one module.
    Nested models are searched too; a layer made of other layers counts as one layer.

    Args:
        model: functional or sequential, with a known input.
        attention: what to attach, see `layers.get`: a name, a `(name, config)` pair, a layer class,
            a layer as a template or a callable that returns a layer.
        after: where to attach it. `"residual"`: after the last layer of each residual branch;
            `"stage"`: after the last layer of each resolution; or the name of a layer, a pattern
            (`"conv*_out"`, `re.compile(...)`, searched for in the name), a layer class, a function
            from a layer to a bool; or a list of these. A layer of a nested model is selected by its
            own name or as `model/layer`. Only a name can select a layer before the first weights or
            in the head.
        start: `"identity"` or `"paper"`, see `layers.AttentionModule`; None for `"identity"` if the
            module supports it, and otherwise `"paper"`, which the receipt then mentions.

    Returns:
        The model with attention, and a receipt to print.

    Raises:
        ValueError: an unsupported kind of model, nothing is selected, a module does not fit one of
            the places, or it has a start of its own besides `start`.
        IdentityStartError: a `ValueError`: `start="identity"` is given, but the module does not
            support it.

    Example:
        >>> plain = keras.applications.ResNet50V2(weights=None, classes=7)
        >>> attentive, receipt = attach(plain, "cbam", after="residual")
        >>> print(receipt)
    """
    check_model(model)
    selection = select(model, after)
    work = _Work(attention, start)
    for call in selection.calls:
        work.plan(call)
    copy = copied(model, work.edits)
    receipt = Receipt(
        action="attached",
        model=model.name,
        places=tuple(work.places[call.key] for call in selection.calls),
        weights_kept=copy.kept,
        weights=copy.count,
        plain_parameters=model.count_params(),
        not_found=selection.not_found,
        notes=(*work.notes(), *_notes(model, selection), *copy.notes),
    )
    return copy.model, receipt


class _Work:
    """The modules of one call of `attach`, and the edits that put them into the copy."""

    def __init__(self, attention: layers.Spec, start: str | None):
        self.edits: dict[Key, Edit] = {}
        self.places: dict[Key, Place] = {}
        self._attention, self._start = attention, start
        self._modules: dict[tuple[int, ...], keras.layers.Layer] = {}
        self._names: dict[int, set[str]] = {}
        self._reasons: dict[str, None] = {}
        self._shared: dict[str, None] = {}

    def plan(self, call: Call) -> None:
        """Make the module of a place, or find the one that it shares, and add the edit."""
        check_place(call)
        shares = bool(getattr(call.operation, "weights", ()))
        of = call.key[:2] if shares else call.key
        shared = of in self._modules
        if shared:
            self._shared[call.path] = None
        else:
            name = self._name(call)
            self._modules[of], reason = module_for(self._attention, self._start, call, name)
            if reason:
                self._reasons[reason] = None
        self.edits[call.key] = functools.partial(self._put, call, self._modules[of], shared)

    def notes(self) -> list[str]:
        """Return what the receipt has to say about the modules."""
        notes = [f"The modules have start='paper': {reason}" for reason in self._reasons]
        modules = self._modules.values()
        if any(getattr(module, "start", None) != "identity" for module in modules):
            notes.append("The modules change the outputs from the start.")
        return [
            *notes,
            *(
                f"{path} is called several times; all calls share one module."
                for path in self._shared
            ),
        ]

    def _put(
        self,
        place: Call,
        module: keras.layers.Layer,
        shared: bool,
        call: Callable[[], Any],
        _: Any,
    ) -> Any:
        """Call a layer of the copy, then its module."""
        given = call()
        try:
            outputs = module(given)
        except Exception as error:
            raise ValueError(
                f"{type(module).__name__} cannot go after {place.path!r}, whose output has shape "
                f"{tuple(given.shape)}: {cause(error)}"
            ) from error
        self.places[place.key] = place_of(place.path, module, given, shared)
        return outputs

    def _name(self, call: Call) -> str:
        """Return a name that is new in the model that holds the place."""
        taken = self._names.get(id(call.owner))
        if taken is None:
            operations = as_functional(call.owner).operations
            taken = self._names[id(call.owner)] = {operation.name for operation in operations}
        name = first = f"{call.operation.name}_attention"
        for number in itertools.count(2):
            if name not in taken:
                break
            name = f"{first}_{number}"
        taken.add(name)
        return name


def _notes(model: keras.Model, selection: Selection) -> list[str]:
    notes = []
    if model.weights and not model.trainable_weights:
        notes.append("All weights of the model are frozen: only the modules are trained.")
    if selection.outside:
        notes.append(
            "Matched but not selected, because they come before the first weights or are in the "
            f"head: {', '.join(selection.outside)}."
        )
    return notes
