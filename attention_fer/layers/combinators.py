"""Modules made of other modules: one after another, or side by side."""

from __future__ import annotations

import functools
from collections import abc
from typing import Any, ClassVar

import keras
from keras import ops

from attention_fer.common.checks import one_of
from attention_fer.layers import registry
from attention_fer.layers.base import AttentionModule, IdentityStartError
from attention_fer.layers.gate_kinds import Range
from attention_fer.layers.registry import register

Maps = dict[str, Any]


class Combinator(AttentionModule):
    """Base class of the modules that are made of other attention modules.

    The names of gates and views start with the name of their module, as in `"eca/channel"`; the
    second module of a kind is `"eca_2"`.

    Args:
        modules: at least one module, each a name, a `(name, config)` pair, a layer class or a
            layer as a template (see `layers.get`). Names, pairs and classes inherit `start`,
            `data_format` and the dtype policy, unless a pair sets its own.
        start, data_format: see `AttentionModule`.

    Raises:
        ValueError: no module, or one that is not an `AttentionModule`; also what the modules raise.
        IdentityStartError: the identity start with a module that has another one.
    """

    combinator: ClassVar[bool] = True

    def __init__(
        self,
        modules: abc.Sequence[Any],
        start: str = "paper",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(start=start, data_format=data_format, **kwargs)
        if not isinstance(modules, abc.Sequence) or isinstance(modules, str) or not modules:
            raise ValueError(
                "modules must be a list of at least one module, such as "
                f"['eca', 'cbam_spatial'], got {modules!r}."
            )
        # Configurations, not layers: `build` makes the layers, as in every module.
        self._configs: list[dict[str, Any]] = []
        kinds: list[str] = []
        for module in modules:
            layer = self._made(module)
            # Configurations come from files, which must load even if they were made without this.
            given = not isinstance(module, abc.Mapping)
            if given and start == "identity" and layer.start != start:
                raise IdentityStartError(
                    "modules must all have start='identity' in a module with that start, got "
                    f"{type(layer).__name__} with start={layer.start!r}."
                )
            kinds.append(registry.name_of(type(layer)))
            count = kinds.count(kinds[-1])
            config = keras.saving.serialize_keras_object(layer)
            config["config"]["name"] = kinds[-1] if count == 1 else f"{kinds[-1]}_{count}"
            self._configs.append(config)

    def _made(self, module: Any) -> AttentionModule:
        if isinstance(module, abc.Mapping):
            layer = keras.saving.deserialize_keras_object(dict(module))
        else:
            layer = registry.get(self._inheriting(module))
        if not isinstance(layer, AttentionModule):
            raise ValueError(f"modules must be attention modules, got {module!r}.")
        return layer

    def _inheriting(self, module: Any) -> Any:
        own = {"start": self.start, "data_format": self.data_format, "dtype": self.dtype_policy}
        if isinstance(module, str):
            return module, own
        if isinstance(module, (tuple, list)) and registry.is_pair(module):
            return module[0], {**own, **module[1]}
        if isinstance(module, type) and issubclass(module, AttentionModule):
            return functools.partial(module, **own)
        return module

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        self.members: list[AttentionModule] = [
            keras.saving.deserialize_keras_object(config) for config in self._configs
        ]
        for member in self.members:
            if member.data_format != self.data_format:
                raise ValueError(
                    f"The modules of {type(self).__name__} must have its data_format, got "
                    f"{member.data_format!r} and {self.data_format!r}."
                )
            member.build(input_shape)

    def gates(self, inputs: Any, training: bool | None = None) -> Maps:
        return self._each(inputs, "gates", training)

    def views(self, inputs: Any, training: bool | None = None) -> Maps:
        return self._each(inputs, "views", training)

    def _each(self, inputs: Any, method: str, training: bool | None) -> Maps:
        found: Maps = {}
        for member in self.members:
            found.update(_named(member, getattr(member, method)(inputs, training=training)))
            if member is not self.members[-1]:
                inputs = self._passed_on(member, inputs, training)
        return found

    def _passed_on(self, member: AttentionModule, inputs: Any, training: bool | None) -> Any:
        """What the next module sees: the same input, unless modules follow one another."""
        return inputs

    def gate_range(self, name: str) -> Range:
        member, _, gate = name.partition("/")
        return next(m.gate_range(gate) for m in self.members if m.name == member)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "modules": self._configs}


@register("sequence")
class Sequence(Combinator):
    """Modules one after another: each sees what the one before it returns.

    `Sequence(["eca", "cbam_spatial"])` is known as ECA-CBAM.

    Args:
        modules, start, data_format: see `Combinator`.

    Raises:
        ValueError: see `Combinator`.
    """

    def _passed_on(self, member: AttentionModule, inputs: Any, training: bool | None) -> Any:
        return member.call(inputs, training=training)

    def combine(self, inputs: Any, gates: Maps) -> Any:
        # A term is scaled by the gates that follow it, so it belongs here and not to `terms`.
        for member in self.members:
            inputs = _output(member, inputs, gates)
        return inputs

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        for member in self.members:
            inputs = member(inputs, training=training)
        return inputs


@register("parallel")
class Parallel(Combinator):
    """Modules side by side: each sees the same input, and their outputs are combined.

    Args:
        modules: see `Combinator`.
        combination: `"mean"`, `"add"` or `"max"` of the outputs, or `"product"`: the input times
            all gates.
        start, data_format: see `Combinator`.

    Raises:
        ValueError: an unknown combination, or `"product"` of modules that do not only multiply
            their input by gates; see also `Combinator`.
        IdentityStartError: `"add"` with the identity start.
    """

    def __init__(
        self,
        modules: abc.Sequence[Any],
        combination: str = "mean",
        start: str = "paper",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(modules, start=start, data_format=data_format, **kwargs)
        self.combination = one_of("combination", combination, ("mean", "add", "max", "product"))
        if combination == "add" and start == "identity":
            raise IdentityStartError(
                "combination must be 'mean' or 'max' with start='identity', got 'add': a sum of "
                "modules that return their input is a multiple of it."
            )

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        for member in self.members:
            if self.combination == "product" and not member.only_gates:
                raise ValueError(
                    "modules must only multiply their input by gates with combination='product', "
                    f"got {member.name!r}, which does more."
                )

    def combine(self, inputs: Any, gates: Maps) -> Any:
        if self.combination == "product":
            return super().combine(inputs, gates)
        return self._combined([_output(member, inputs, gates) for member in self.members])

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if self.combination == "product":
            return super().call(inputs, training=training)
        return self._combined([member(inputs, training=training) for member in self.members])

    def _combined(self, outputs: list[Any]) -> Any:
        if self.combination == "max":
            return functools.reduce(ops.maximum, outputs)
        if self.combination == "add":
            return functools.reduce(ops.add, outputs)
        # The mean of equal outputs is exactly each of them, which a rounded sum would not give.
        first, *others = outputs
        shares = [ops.divide(ops.subtract(other, first), len(outputs)) for other in others]
        return functools.reduce(ops.add, shares, first)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "combination": self.combination}


def _named(member: AttentionModule, maps: Maps) -> Maps:
    return {f"{member.name}/{name}": value for name, value in maps.items()}


def _output(member: AttentionModule, inputs: Any, gates: Maps) -> Any:
    """The output of one module in inference, whose gates are among `gates`."""
    front = f"{member.name}/"
    own = {name.removeprefix(front): g for name, g in gates.items() if name.startswith(front)}
    output = member.combine(inputs, own)
    for term in member.terms(inputs, training=False).values():
        output = ops.add(output, term)
    return output
