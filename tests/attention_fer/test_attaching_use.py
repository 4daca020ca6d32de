"""A network with attached modules saves, loads, exports, quantises and trains like any other."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from attaching_networks import difference, resnet, settled
from exports import check_onnx, check_saved_model, check_tflite, saved_model_works, works
from layer_probes import features, randomised, to_numpy

import attention_fer
from attention_fer import layers

# A random network of fifty normalisations multiplies rounding: changes of the pixels by 1e-6 change
# this one's probabilities by 1e-4, and by 4e-2 with gates four times as strong.
TOLERANCE, SCALE = 1e-3, 0.05
LOAD = """
import sys
import numpy as np
import keras
import attention_fer.layers
model = keras.saving.load_model(sys.argv[1])
np.save(sys.argv[2], keras.ops.convert_to_numpy(model(np.load(sys.argv[3]))))
"""


def mobilenet(classes):
    keras.utils.set_random_seed(0)
    shape = (32, 32, 3)
    return keras.applications.MobileNetV2(shape, alpha=0.35, weights=None, classes=classes)


@pytest.fixture(scope="module", params=["small", pytest.param("mobilenet", marks=pytest.mark.slow)])
def attached(request):
    """A network whose modules are no longer the identity."""
    plain, places = resnet(), 3
    if request.param == "mobilenet":
        plain, places = settled(mobilenet(4), features(16, 32, 32, 3, seed=1)), 15
    model, receipt = attention_fer.attach(
        plain, ("cbam", {"reduction_ratio": 4}), after=["residual", "stage"]
    )
    assert len(receipt.places) >= places
    for layer in model.layers:
        if isinstance(layer, layers.AttentionModule):
            randomised(layer, scale=SCALE)
    assert difference(model, plain, images_of(model)) > 1e-3
    return model


def images_of(model):
    return features(4, *model.input_shape[1:])


def quantised(model):
    model.quantize("int8", filters=lambda layer: isinstance(layer, keras.layers.Dense))


@pytest.mark.slow
@saved_model_works
def test_saved_model(attached, tmp_path):
    check_saved_model(attached, images_of(attached), tmp_path, TOLERANCE)


@pytest.mark.slow
@works("tflite")
def test_tflite(attached, tmp_path):
    check_tflite(attached, images_of(attached), tmp_path, TOLERANCE)


@pytest.mark.slow
@works("onnx")
def test_onnx(attached, tmp_path):
    check_onnx(attached, images_of(attached), tmp_path, TOLERANCE)


@pytest.mark.slow
def test_another_process_loads_it(attached, tmp_path):
    paths = [tmp_path / name for name in ("m.keras", "y.npy", "x.npy")]
    attached.save(paths[0])
    np.save(paths[2], images_of(attached))
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(
        np.load(paths[1]), to_numpy(attached(images_of(attached))), rtol=TOLERANCE, atol=TOLERANCE
    )


def test_weights_alone_come_back(attached, tmp_path):
    x = images_of(attached)
    attached.save_weights(tmp_path / "m.weights.h5")
    again = randomised(keras.models.clone_model(attached), seed=9)
    assert np.abs(to_numpy(again(x)) - to_numpy(attached(x))).max() > 1e-3
    again.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(to_numpy(again(x)), to_numpy(attached(x)))


@pytest.mark.slow
def test_int8(attached, tmp_path):
    model = keras.models.clone_model(attached)
    model.set_weights(attached.get_weights())
    quantised(model)
    module = next(one for one in model.layers if isinstance(one, layers.CBAM))
    assert str(module.channel.mlp1.kernel.dtype) == "int8"
    got, expected = to_numpy(model(images_of(attached))), to_numpy(attached(images_of(attached)))
    assert 0 < np.abs(got - expected).max() < 0.1 * np.ptp(expected)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(to_numpy(again(images_of(attached))), got)


def test_a_quantised_network_takes_modules_in_its_precision_before():
    image = keras.Input((12, 16))
    x = keras.layers.Dense(16, name="dense")(image)
    plain = keras.Model(image, keras.layers.Dense(3, name="top")(x))
    quantised(plain)
    attached, receipt = attention_fer.attach(plain, ("se", {"reduction_ratio": 4}), after="dense")
    x = features(2, 12, 16)
    np.testing.assert_array_equal(to_numpy(attached(x)), to_numpy(plain(x)))
    assert str(attached.get_layer("dense").kernel.dtype) == "int8"
    assert attached.get_layer("dense_attention").dtype_policy.name == "float32"
    assert receipt.weights_kept == receipt.weights == len(plain.weights)


@pytest.mark.slow
def test_training_changes_modules_and_layers_and_lowers_the_loss():
    plain = mobilenet(2)
    model, _ = attention_fer.attach(plain, "eca", after="residual")
    rng = np.random.default_rng(0)
    labels = np.arange(16) % 2
    x = (rng.normal(size=(16, 32, 32, 3)) + 2 * labels[:, None, None, None]).astype("float32")
    before = {variable.path: to_numpy(variable) for variable in model.trainable_variables}
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    history = model.fit(x, labels, batch_size=16, epochs=6, shuffle=False, verbose=0).history
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    changed = {
        variable.path
        for variable in model.trainable_variables
        if np.abs(to_numpy(variable) - before[variable.path]).max() > 0
    }
    assert sum("attention" in path for path in changed) == 10
    assert len(changed) > 0.9 * len(before)
