"""A small model with each module, exported to SavedModel, TFLite and ONNX and run by each."""

import keras
import pytest
from exports import check_onnx, check_saved_model, check_tflite, saved_model_works, works
from layer_probes import CHANNELS, SPECS, features, randomised

from attention_fer import layers

each_spec = pytest.mark.parametrize("spec", SPECS, ids=str)
# Between them they use every kind of operation; the other modules convert in the slow tests.
QUICK = ("cbam", "coord", "gc", "lka", "shuffle", "srm", "triplet", "dan")
each_quick_spec = pytest.mark.parametrize(
    "spec",
    [pytest.param(s, marks=[] if s[0] in QUICK else pytest.mark.slow, id=str(s)) for s in SPECS],
)
IMAGES = features(2, 9, 11, 3)


def small_model(spec):
    """A convolution, the module with random weights, a head; not too close to any symmetry."""
    image = keras.Input((9, 11, 3))
    x = keras.layers.Conv2D(CHANNELS, 3, padding="same", activation="relu")(image)
    x = layers.get(spec)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(7)(x))
    return randomised(model, scale=0.3)


@saved_model_works
@each_quick_spec
def test_saved_model(spec, tmp_path):
    check_saved_model(small_model(spec), IMAGES, tmp_path)


@pytest.mark.slow
@works("tflite")
@each_quick_spec
def test_tflite(spec, tmp_path):
    check_tflite(small_model(spec), IMAGES, tmp_path)


@works("onnx")
@each_spec
def test_onnx(spec, tmp_path):
    check_onnx(small_model(spec), IMAGES, tmp_path)
