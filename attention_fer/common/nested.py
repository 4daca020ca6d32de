"""The layers of a model that may hold other models."""

from __future__ import annotations

from collections.abc import Iterator

import keras


def nested_layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yield the layers of a model, and those of a nested model in its place."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from nested_layers(layer)
        else:
            yield layer
