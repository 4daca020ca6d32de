"""Layer scale. Touvron et al. 2021, https://arxiv.org/abs/2103.17239, section 2"""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="attention_fer")
class LayerScale(keras.layers.Layer):
    """Multiplies each channel, the last axis, by a learned number.

    Args:
        start: initial value of that number; a small one starts a residual block near identity.

    Input and output shape: any, with channels last.
    """

    def __init__(self, start: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.gamma = self.add_weight(
            shape=(input_shape[-1],),
            initializer=keras.initializers.Constant(self.start),
            name="gamma",
        )

    def call(self, inputs: Any) -> Any:
        return inputs * self.gamma

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "start": self.start}
