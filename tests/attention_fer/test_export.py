"""A small model with each module, exported to SavedModel, TFLite and ONNX and run by each."""

import keras
import numpy as np
import pytest
from layer_probes import BACKEND, CHANNELS, SPECS, features, randomised, to_numpy

from attention_fer import layers

each_spec = pytest.mark.parametrize("spec", SPECS, ids=str)
tensorflow_only = pytest.mark.skipif(
    BACKEND != "tensorflow", reason="this export needs Keras to run on TensorFlow"
)


def small_model(spec):
    """A convolution, the module with random weights, a head; not too close to any symmetry."""
    image = keras.Input((9, 11, 3))
    x = keras.layers.Conv2D(CHANNELS, 3, padding="same", activation="relu")(image)
    x = layers.get(spec)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(7)(x))
    return randomised(model, scale=0.3)


def same(got, model, x):
    expected = to_numpy(model(x))
    assert expected.std() > 1e-3
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


@tensorflow_only
@each_spec
def test_saved_model(spec, tmp_path):
    import tensorflow as tf

    model, x = small_model(spec), features(2, 9, 11, 3)
    model.export(tmp_path / "saved", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    same(loaded.serve(x).numpy(), model, x)
    same(loaded.serve(x[:1]).numpy(), model, x[:1])


@tensorflow_only
@pytest.mark.skipif(
    tuple(map(int, keras.__version__.split(".")[:2])) < (3, 13),
    reason="Keras exports to LiteRT from 3.13 on",
)
@pytest.mark.filterwarnings(
    r"ignore:\s+Warning. tf.lite.Interpreter is deprecated and is scheduled:UserWarning"
)
@each_spec
def test_tflite(spec, tmp_path):
    import tensorflow as tf

    model, x = small_model(spec), features(2, 9, 11, 3)
    path = tmp_path / "model.tflite"
    model.export(str(path), format="litert", verbose=False)
    interpreter = tf.lite.Interpreter(str(path))
    entry, out = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    interpreter.resize_tensor_input(entry["index"], x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(entry["index"], x)
    interpreter.invoke()
    same(interpreter.get_tensor(out["index"]), model, x)


@pytest.mark.skipif(BACKEND == "jax", reason="Keras exports to ONNX from jax through jax2onnx")
@pytest.mark.filterwarnings(
    "ignore:In the future `np.object` will be defined:FutureWarning",
    "ignore:You are using the legacy TorchScript-based ONNX export:DeprecationWarning",
    "ignore:The feature will be removed. Please remove usage:DeprecationWarning",
    "ignore:Converting a tensor to a Python (boolean|integer) might cause the trace",
)
@each_spec
def test_onnx(spec, tmp_path):
    pytest.importorskip("onnx", reason="ONNX export needs the package onnx")
    pytest.importorskip(
        "tf2onnx" if BACKEND == "tensorflow" else "onnxscript",
        reason="ONNX export needs tf2onnx on TensorFlow and onnxscript on torch",
    )
    runtime = pytest.importorskip("onnxruntime", reason="an ONNX file is run by onnxruntime")
    model, x = small_model(spec), features(2, 9, 11, 3)
    model(x)
    path = str(tmp_path / "model.onnx")
    model.export(path, format="onnx", verbose=False)
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    same(session.run(None, {entry.name: x})[0], model, x)
    same(session.run(None, {entry.name: x[:1]})[0], model, x[:1])
