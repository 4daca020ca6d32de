"""The scale of pixels that a model reads is found whatever its preprocessing is made of."""

import keras
import numpy as np
import pytest
from keras import layers as kl
from keras import ops

pytest.importorskip("PIL.Image")

from attention_fer.explain.command.model_input import infer_input

APPLICATIONS = keras.applications


def begins_with(first, nested=False, channels=3):
    """A convolutional model whose input goes through `first`."""
    image = keras.Input((16, 12, channels))
    x = first(image)
    if nested:
        inner = keras.Input(x.shape[1:])
        base = keras.Model(inner, kl.Conv2D(4, 3, name="conv")(inner), name="base")
        x = base(x)
    else:
        x = kl.Conv2D(4, 3, name="conv")(x)
    return keras.Model(image, kl.Dense(2)(kl.GlobalAveragePooling2D()(x)))


def normalization(mean, variance=1.0):
    return kl.Normalization(mean=mean, variance=variance)


def learned_statistics(mean, variance):
    """A batch normalisation in the place of a preprocessing."""
    layer = kl.BatchNormalization()
    layer.build((None, None, None, 3))
    layer.set_weights([np.ones(3), np.zeros(3), np.full(3, mean), np.full(3, variance)])
    return layer


def in_turn(*layers):
    def applied(x):
        for layer in layers:
            x = layer(x)
        return x

    return applied


TO_255 = {
    "mobilenet": APPLICATIONS.mobilenet_v2.preprocess_input,
    "resnet": APPLICATIONS.resnet.preprocess_input,
    "densenet": APPLICATIONS.densenet.preprocess_input,
    "vgg": APPLICATIONS.vgg16.preprocess_input,
    "slash": lambda x: x / 255.0,
    "divide": lambda x: ops.divide(x, 255.0),
    "multiply": lambda x: ops.multiply(x, 1 / 127.5) - 1,
    "standardised": lambda x: (x - 128) / 58,
    "centred": lambda x: x - 128.0,
    "rescaling": kl.Rescaling(1 / 255),
    "normalization": normalization(120.0),
    "standardisation": normalization(120.0, 3600.0),
    "batch statistics": learned_statistics(120.0, 3600.0),
    "after a resize": in_turn(kl.Resizing(8, 8), kl.ZeroPadding2D(1), kl.Rescaling(1 / 255)),
    "after an augmentation": in_turn(kl.RandomFlip(), kl.Rescaling(1 / 127.5, -1)),
    "in a model": keras.Sequential([keras.Input((16, 12, 3)), kl.Rescaling(1 / 255)]),
    "cast": lambda x: ops.cast(ops.cast(x, "uint8"), "float32") / 255,
}
TO_1 = {
    "nothing": lambda x: x,
    "to -1 to 1": kl.Rescaling(2.0, -1.0),
    "operations to -1 to 1": lambda x: (x - 0.5) * 2,
    "standardised": lambda x: (x - 0.45) / 0.225,
    "normalization": normalization(0.5, 0.0625),
    "batch statistics": learned_statistics(0.5, 0.0625),
    "multiplied up": lambda x: APPLICATIONS.resnet.preprocess_input(x * 255.0),
    "clipped": lambda x: ops.clip(x, 0, 1),
    "padding": kl.ZeroPadding2D(2),
}


@pytest.mark.parametrize("nested", (False, True), ids=("flat", "nested"))
@pytest.mark.parametrize("name", TO_255)
def test_preprocessing_of_pixels_up_to_255_is_found(name, nested):
    found = infer_input(begins_with(TO_255[name], nested))
    assert found.pixels == "0-255"
    assert "probed" in found.why and "--pixels" in found.why


@pytest.mark.parametrize("name", TO_1)
def test_numbers_up_to_1_are_found(name):
    found = infer_input(begins_with(TO_1[name]))
    assert found.pixels == "0-1"
    assert ("assumed" if name in ("nothing", "padding") else "probed") in found.why


def test_what_was_found_is_said_in_numbers():
    why = infer_input(begins_with(lambda x: x / 127.5 - 1)).why
    assert "'conv'" in why and "-1 to 1" in why and "-1 to -0.992" in why


@pytest.mark.parametrize("size", ((4, 32), (299, 299)))
def test_a_layer_that_standardises_each_picture_takes_either(size):
    def standardise(x):
        mean = ops.mean(x, axis=(1, 2, 3), keepdims=True)
        return (x - mean) / ops.std(x, axis=(1, 2, 3), keepdims=True)

    image = keras.Input((*size, 1))
    found = infer_input(keras.Model(image, kl.Conv2D(1, 1)(standardise(image))))
    assert "reads the same of 0-1" in found.why


def test_a_scaling_behind_the_first_weights_does_not_count():
    after = in_turn(kl.Conv2D(3, 1, kernel_initializer="ones", name="first"), kl.Rescaling(1 / 255))
    assert infer_input(begins_with(after)).pixels == "0-1"


def test_the_recorded_scale_and_the_given_one_come_first():
    model = begins_with(TO_255["slash"])
    assert infer_input(model, pixels="0-1").why == "as given"
    assert infer_input(begins_with(TO_1["nothing"]), recorded="uint8 pixels").pixels == "0-255"


def test_pixels_reach_the_model_in_its_scale():
    images = np.full((1, 16, 12, 3), 51, "uint8")
    large = infer_input(begins_with(TO_255["slash"])).batch(images)
    small = infer_input(begins_with(TO_1["nothing"])).batch(images)
    assert large.max() == 51 and large.dtype == "float32"
    assert small.max() == np.float32(0.2)


class Subclassed(keras.Model):
    """A model without a graph that scales pixels itself."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor
        self.conv = kl.Conv2D(4, 3)
        self.pool = kl.GlobalAveragePooling2D()
        self.out = kl.Dense(2, activation="softmax")

    def call(self, x):
        return self.out(self.pool(self.conv(x * self.factor)))


@pytest.mark.parametrize(("factor", "pixels"), [(1 / 255, "0-255"), (1.0, "0-1")])
def test_a_subclassed_model_is_probed_too(factor, pixels):
    model = Subclassed(factor)
    with pytest.raises(ValueError, match="Call it on a batch"):
        infer_input(model)
    model(np.zeros((1, 16, 12, 3), "float32"))
    found = infer_input(model)
    assert (found.pixels, found.size, found.channels) == (pixels, (16, 12), 3)
