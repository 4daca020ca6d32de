"""The fused batch normalisation against Keras's own: outputs, gradients, statistics, and when."""

import keras
import numpy as np
import pytest

from attention_fer.training.fused_norm import fused_batch_normalization

tf = pytest.importorskip("tensorflow")
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the kernel is TensorFlow's"
)
IMAGES = np.random.default_rng(0).normal(2, 3, (4, 5, 6, 3)).astype("float32")


def stepped(fused, **options):
    """Outputs, gradients and moving statistics of one training step."""
    layer = keras.layers.BatchNormalization(momentum=0.8, **options)
    layer.build(IMAGES.shape)
    layer.set_weights(list(np.random.default_rng(1).uniform(0.5, 2, (len(layer.weights), 3))))
    x = tf.constant(IMAGES)
    with tf.GradientTape() as tape:
        tape.watch(x)
        if fused:
            with fused_batch_normalization():
                y = layer(x, training=True)
        else:
            y = layer(x, training=True)
        loss = tf.reduce_sum(tf.cast(y, "float32") ** 3)
    gradients = tape.gradient(loss, [x, *[weight.value for weight in layer.trainable_weights]])
    moving = [layer.moving_mean, layer.moving_variance]
    return [keras.ops.convert_to_numpy(found) for found in (y, *gradients, *moving)]


@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}, {"epsilon": 0.1}])
def test_equals_keras(options):
    pairs = zip(stepped(True, **options), stepped(False, **options), strict=True)
    for found, expected in pairs:
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-4)


def test_computes_through_the_kernel(monkeypatch):
    calls, kernel = [], tf.raw_ops.FusedBatchNormV3

    def counted(**given):
        calls.append(given["is_training"])
        return kernel(**given)

    monkeypatch.setattr(tf.raw_ops, "FusedBatchNormV3", counted)
    stepped(True)
    assert calls == [True]


@pytest.mark.parametrize("options", [{"synchronized": True}, {"axis": 1}])
def test_leaves_other_normalisations_to_keras(options, monkeypatch):
    monkeypatch.setattr(tf.raw_ops, "FusedBatchNormV3", None)
    with fused_batch_normalization():
        keras.layers.BatchNormalization(**options)(IMAGES, training=True)


def test_leaves_other_ranks_inference_and_frozen_layers_to_keras(monkeypatch):
    monkeypatch.setattr(tf.raw_ops, "FusedBatchNormV3", None)
    layer = keras.layers.BatchNormalization()
    with fused_batch_normalization():
        keras.layers.BatchNormalization()(IMAGES[0, 0], training=True)
        layer(IMAGES)
        layer.trainable = False
        layer(IMAGES, training=True)
    assert np.all(keras.ops.convert_to_numpy(layer.moving_mean) == 0)


def test_keeps_half_precision():
    layer = keras.layers.BatchNormalization(dtype="mixed_bfloat16")
    with fused_batch_normalization():
        assert layer(IMAGES, training=True).dtype == tf.bfloat16
    assert layer.moving_mean.dtype == "float32"


def test_is_undone_after_an_error():
    plain = keras.layers.BatchNormalization.call
    with pytest.raises(KeyError), fused_batch_normalization():
        raise KeyError
    assert keras.layers.BatchNormalization.call is plain
