"""Base class of layers that create their sublayers in `build`."""

from __future__ import annotations

import functools
from typing import Any

import keras

from attention_fer.common import keras_private


class CompositeLayer(keras.layers.Layer):
    """Base class of layers whose sublayers, made in `build`, share their freezing and dtype policy.

    Keras freezes only the sublayers that exist when `trainable` is set. It stores neither that a
    sublayer is frozen nor its dtype policy, which `quantize` changes. Here `build` freezes what it
    creates in a frozen layer, and the configuration holds the state of each sublayer that differs
    from what `build` creates. So frozen and quantised layers survive cloning, pickling, saving and
    loading.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._stored_states: list[dict[str, Any]] | None = None
        build = self.build

        @functools.wraps(build)
        def build_and_settle(*args: Any, **kwargs: Any) -> None:
            build(*args, **kwargs)
            self._settle()

        self.build: Any = build_and_settle

    def _settle(self) -> None:
        """Give the sublayers their state, once they are built."""
        below = self._sublayers()
        for layer in below:
            if not self.trainable:
                layer.trainable = False
            if isinstance(layer.dtype_policy, keras.dtype_policies.DTypePolicyMap):
                # With a map, Keras neither quantises a layer nor saves a quantised one.
                keras_private.replace_dtype_policy(layer, layer.dtype_policy[layer.path])
        stored, self._stored_states = self._stored_states, None
        if stored is None:
            return
        if len(stored) != len(below):
            raise ValueError(
                f"The configuration of {self.name!r} must describe its {len(below)} sublayers, got "
                f"{len(stored)}. It belongs to another version of {type(self).__name__}."
            )
        for layer, state in zip(below, stored, strict=True):
            _set_state(layer, state)

    def _sublayers(self) -> list[keras.layers.Layer]:
        return keras_private.flatten_layers(self, include_self=False)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        states = self._stored_states
        if self.built:
            below = self._sublayers()
            differ = any(_differs(layer, self) for layer in below)
            states = [_state(layer) for layer in below] if differ else None
        return {**config, "sublayers": states} if states else config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> CompositeLayer:
        config = dict(config)
        states = config.pop("sublayers", None)
        layer = super().from_config(config)
        layer._stored_states = states
        return layer


def _state(layer: keras.layers.Layer) -> dict[str, Any]:
    state = {
        "trainable": layer.trainable,
        "dtype": keras.dtype_policies.serialize(layer.dtype_policy),
    }
    quantization = getattr(layer, "quantization_config", None)
    if quantization is not None:
        state["quantization"] = keras.saving.serialize_keras_object(quantization)
    return state


def _differs(layer: keras.layers.Layer, owner: keras.layers.Layer) -> bool:
    frozen = layer.trainable != owner.trainable
    return frozen or not _same(layer.dtype_policy, owner.dtype_policy)


def _same(
    policy: keras.dtype_policies.DTypePolicy, other: keras.dtype_policies.DTypePolicy
) -> bool:
    # Keras's `==` fails between some classes of policies.
    return type(policy) is type(other) and policy.get_config() == other.get_config()


def _set_state(layer: keras.layers.Layer, state: dict[str, Any]) -> None:
    layer.trainable = state["trainable"]
    policy = keras.dtype_policies.get(state["dtype"])
    if _same(policy, layer.dtype_policy):
        return
    if policy.quantization_mode:
        quantization = keras.saving.deserialize_keras_object(state.get("quantization"))
        layer.quantize(policy.quantization_mode, config=quantization)
    layer.dtype_policy = policy
