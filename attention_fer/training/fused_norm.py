"""TensorFlow's fused kernel for batch normalisation in training on CPUs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras


@contextlib.contextmanager
def fused_batch_normalization() -> Iterator[None]:
    """Trains batch normalisation of images with one kernel where that is faster.

    Keras 3 computes it from a dozen elementwise operations, each of which reads the whole map;
    XLA fuses them, but TensorFlow on a CPU does not. Its fused kernel, which Keras 2 used,
    makes a training step of `small_resnet` about a sixth faster. Results are equal up to rounding,
    and a layer outside the context, or stored, is Keras's own.

    Without effect on other backends, on GPUs, for normalisations of other ranks, in channels first,
    synchronised between devices or with renormalisation.
    """
    if keras.backend.backend() != "tensorflow" or _has_gpu():
        yield
        return
    plain = keras.layers.BatchNormalization.call
    keras.layers.BatchNormalization.call = _fused(plain)
    try:
        yield
    finally:
        keras.layers.BatchNormalization.call = plain


def _has_gpu() -> bool:
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def _fits(layer: keras.layers.BatchNormalization, inputs: Any) -> bool:
    plain = not (layer.synchronized or getattr(layer, "renorm", False))
    return plain and len(inputs.shape) == 4 and layer.axis in (-1, 3)


def _fused(plain: Callable[..., Any]) -> Callable[..., Any]:
    import tensorflow as tf

    def call(
        self: keras.layers.BatchNormalization, inputs: Any, training: Any = None, mask: Any = None
    ) -> Any:
        if not (training and self.trainable and mask is None and _fits(self, inputs)):
            return plain(self, inputs, training=training, mask=mask)
        # Half-precision inputs are cast: the kernel is slower in bfloat16.
        images = tf.cast(inputs, tf.float32)
        channels = [inputs.shape[-1]]
        scale = tf.convert_to_tensor(self.gamma) if self.scale else tf.ones(channels)
        offset = tf.convert_to_tensor(self.beta) if self.center else tf.zeros(channels)
        none = tf.zeros([0])
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=images,
            scale=scale,
            offset=offset,
            mean=none,
            variance=none,
            epsilon=self.epsilon,
            is_training=True,
        )
        # The kernel's variance is divided by one less than the number of values, Keras's by it.
        n = tf.cast(tf.reduce_prod(tf.shape(images)[:3]), tf.float32)
        for moving, new in (
            (self.moving_mean, mean),
            (self.moving_variance, variance * (n - 1) / n),
        ):
            moving.assign(moving * self.momentum + new * (1.0 - self.momentum))
        return tf.cast(outputs, self.compute_dtype)

    return call
