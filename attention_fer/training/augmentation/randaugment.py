"""RandAugment. Cubuk et al. 2020, https://arxiv.org/abs/1909.13719"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from attention_fer.training.augmentation import photometric
from attention_fer.training.augmentation.base import Augmentation
from attention_fer.training.augmentation.geometric import can_compile, resampled, sampling_matrix

# The largest value of each at magnitude 10, either way.
GEOMETRIC = {
    "angle": math.radians(30),
    "shear_x": 0.3,
    "shear_y": 0.3,
    "right": 0.45,
    "down": 0.45,
}
BLENDED = (
    photometric.brightness,
    photometric.contrast,
    photometric.sharpness,
    photometric.colour,
)
CURVES = (
    photometric.posterize,
    photometric.solarize,
    photometric.autocontrast,
    photometric.equalize,
)


@keras.saving.register_keras_serializable("attention_fer")
class RandAugment(Augmentation):
    """Applies some operations, drawn for each image, one after the other, at one magnitude.

    The operations are: none, rotation, shear and shift along each axis, brightness, contrast,
    sharpness, colour (of images with three channels), posterisation, solarisation, autocontrast
    and equalisation.

    Keras's own layer draws one operation for all images of a batch, turns faces by up to 180
    degrees at its default factor, equalises all images of a batch together, and refuses grey ones.

    Args:
        operations: their number; the same one may be drawn twice.
        magnitude: 0 to 10. Each step is 3 degrees of rotation, 0.03 of shear, a shift by 0.045 of
            the side, a factor of 1 plus or minus 0.09 for brightness and the like, 0.4 bits less,
            and a solarisation threshold lower by 0.1; the direction is drawn.
        fill: pixels outside the image, see `RandomAffine`.
        seed: seed of the draws.
    """

    def __init__(
        self,
        operations: int = 2,
        magnitude: float = 9.0,
        fill: str = "constant",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.operations, self.magnitude, self.fill = operations, magnitude, fill
        self.supports_jit = can_compile()

    def augment(self, inputs: Any) -> Any:
        for _ in range(self.operations):
            inputs = self._operation(inputs)
        return inputs

    def _operation(self, images: Any) -> Any:
        count = ops.shape(images)[0]
        blended = BLENDED if images.shape[-1] == 3 else BLENDED[:-1]
        choice = ops.floor(self.uniform(count, 0, 1 + len(GEOMETRIC) + len(blended) + len(CURVES)))
        sign = ops.where(self.uniform(count) < 0.5, -1.0, 1.0)
        first = 1 + len(GEOMETRIC)
        changed = self._moved(images, choice, sign)
        strength = self.magnitude / 10
        factor = ops.reshape(1 + 0.9 * strength * sign, (-1, 1, 1, 1))
        values = [factor] * len(blended) + [8.0 - round(4 * strength), 1 - strength, None, None]
        for place, (operation, value) in enumerate(zip(blended + CURVES, values, strict=True)):
            chosen = ops.reshape(choice == first + place, (-1, 1, 1, 1))
            changed = ops.where(chosen, ops.clip(operation(images, value), 0, 1), changed)
        return changed

    def _moved(self, images: Any, choice: Any, sign: Any) -> Any:
        by = sign * self.magnitude / 10
        amounts = {
            name: ops.where(choice == place, by * most, 0.0)
            for place, (name, most) in enumerate(GEOMETRIC.items(), start=1)
        }
        size = ops.shape(images)[1:3]
        moved = resampled(images, sampling_matrix(size, **amounts), self.fill)
        # Resampling without any movement could still change the last digits.
        still = ops.logical_or(choice == 0, choice > len(GEOMETRIC))
        return ops.where(ops.reshape(still, (-1, 1, 1, 1)), images, moved)
