"""Configurations, weights and whole models go to disk and come back, without custom_objects."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from layer_probes import CHANNELS, SPECS, features, kind_of, randomised, to_numpy, with_options

from attention_fer import layers

CONFIGURED = [
    ("se", {"reduction_ratio": 5, "use_bias": False, "start": "identity"}),
    ("eca", {"kernel_size": 9, "gamma": 3, "b": 2, "data_format": "channels_last"}),
    ("eca", {"kernel_size": None, "gamma": 1.5, "b": -1}),
    ("cbam", {"reduction_ratio": 4, "kernel_size": 3, "start": "identity"}),
    ("cbam_channel", {"reduction_ratio": 2, "dtype": "float16"}),
    ("cbam_spatial", {"kernel_size": 5, "data_format": "channels_first"}),
    *SPECS,
]
each_configured = pytest.mark.parametrize("spec", CONFIGURED, ids=str)
LOAD = """
import sys
import numpy as np
import keras
{imports}
model = keras.saving.load_model(sys.argv[1])
np.save(sys.argv[2], keras.ops.convert_to_numpy(model(np.load(sys.argv[3]))))
"""


def model_of_all(shape):
    image = x = keras.Input(shape)
    for number, spec in enumerate(SPECS):
        x = layers.get(spec, name=f"my_{spec[0]}_{number}")(x)
    return randomised(keras.Model(image, x), scale=0.2)


@each_configured
def test_the_configuration_makes_an_equal_layer(spec):
    layer = layers.get(spec, name="gate")
    config = layer.get_config()
    for key, value in spec[1].items():
        assert key in ("dtype", "modules") or config[key] == value
    again = type(layer).from_config(config)
    assert again.get_config() == config and again.name == "gate"
    assert again.compute_dtype == layer.compute_dtype


@each_configured
def test_every_argument_of_the_constructor_is_in_the_configuration(spec):
    layer = layers.get(spec)
    code = type(layer).__init__.__code__
    named = code.co_varnames[1 : code.co_argcount]
    assert {*named, "start", "data_format", "name", "dtype"} <= set(layer.get_config())


@each_configured
def test_a_saved_model_computes_the_same(spec, tmp_path):
    first = spec[1].get("data_format") == "channels_first"
    shape = (CHANNELS, 5, 6) if first else (5, 6, CHANNELS)
    image = keras.Input(shape)
    model = randomised(keras.Model(image, layers.get(spec)(image)), scale=0.2)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    for old, new in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    x = features(2, *shape)
    assert np.abs(to_numpy(model(x)) - x).max() > 0.1
    np.testing.assert_array_equal(to_numpy(again(x)), to_numpy(model(x)))


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_weights_alone_come_back_exactly(spec, tmp_path):
    image = keras.Input((5, 6, CHANNELS))
    x = features(2, 5, 6, CHANNELS)
    model = randomised(keras.Model(image, layers.get(spec)(image)))
    model.save_weights(tmp_path / "m.weights.h5")
    other = randomised(keras.Model(image, layers.get(spec)(image)), seed=9)
    if model.weights:
        assert np.abs(to_numpy(other(x)) - to_numpy(model(x))).max() > 1e-3
    other.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(to_numpy(other(x)), to_numpy(model(x)))


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_template_restored_from_its_serialised_form_builds_a_layer(spec):
    layer = layers.get(with_options(spec, data_format="channels_first"))
    config = keras.saving.serialize_keras_object(layer)
    assert config["registered_name"] == f"attention_fer>{type(layer).__name__}"
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(layer) and again.data_format == "channels_first"


def load_elsewhere(tmp_path, imports):
    """Loads a saved model in a process of its own; returns the process, input and output."""
    model = model_of_all((5, 6, CHANNELS))
    model.save(tmp_path / "m.keras")
    x = features(2, 5, 6, CHANNELS)
    np.save(tmp_path / "x.npy", x)
    paths = [str(tmp_path / name) for name in ("m.keras", "y.npy", "x.npy")]
    command = [sys.executable, "-c", LOAD.format(imports=imports), *paths]
    process = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return process, to_numpy(model(x))


@pytest.mark.slow
def test_another_process_needs_only_the_import_of_the_layers(tmp_path):
    process, y = load_elsewhere(tmp_path, "import attention_fer.layers")
    assert process.returncode == 0, process.stderr
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), y, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_a_process_without_that_import_is_told_which_class_to_import(tmp_path):
    process, _ = load_elsewhere(tmp_path, "")
    assert process.returncode != 0
    first = kind_of(SPECS[0])
    assert f"Could not locate class '{first.__name__}'" in process.stderr
    assert f"'module': '{first.__module__}'" in process.stderr
