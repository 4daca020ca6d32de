"""Runs a model as SavedModel, TFLite and ONNX; marks say where each export works."""

import keras
import numpy as np
import pytest
from layer_probes import BACKEND, to_numpy

saved_model_works = pytest.mark.skipif(
    BACKEND != "tensorflow", reason="this export needs Keras to run on TensorFlow"
)
_MARKS = {
    "tflite": [
        saved_model_works,
        pytest.mark.skipif(
            tuple(map(int, keras.__version__.split(".")[:2])) < (3, 13),
            reason="Keras exports to LiteRT from 3.13 on",
        ),
        pytest.mark.filterwarnings(
            r"ignore:\s+Warning. tf.lite.Interpreter is deprecated and is scheduled:UserWarning"
        ),
    ],
    "onnx": [
        pytest.mark.skipif(
            BACKEND == "jax", reason="Keras exports to ONNX from jax through jax2onnx"
        ),
        pytest.mark.filterwarnings(
            "ignore:In the future `np.object` will be defined:FutureWarning",
            "ignore:You are using the legacy TorchScript-based ONNX export:DeprecationWarning",
            "ignore:The feature will be removed. Please remove usage:DeprecationWarning",
            "ignore:Converting a tensor to a Python (boolean|integer) might cause the trace",
        ),
    ],
}


def works(name):
    """A decorator with the marks of an export, "tflite" or "onnx"."""

    def marked(test):
        for mark in _MARKS[name]:
            test = mark(test)
        return test

    return marked


def same(got, model, x, tolerance):
    expected = to_numpy(model(x))
    assert expected.std() > 1e-3
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


def check_saved_model(model, x, folder, tolerance=1e-5):
    import tensorflow as tf

    model.export(folder / "saved", verbose=False)
    loaded = tf.saved_model.load(str(folder / "saved"))
    same(loaded.serve(x).numpy(), model, x, tolerance)
    same(loaded.serve(x[:1]).numpy(), model, x[:1], tolerance)


def check_tflite(model, x, folder, tolerance=1e-5):
    import tensorflow as tf

    path = folder / "model.tflite"
    model.export(str(path), format="litert", verbose=False)
    interpreter = tf.lite.Interpreter(str(path))
    entry, out = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    interpreter.resize_tensor_input(entry["index"], x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(entry["index"], x)
    interpreter.invoke()
    same(interpreter.get_tensor(out["index"]), model, x, tolerance)


def check_onnx(model, x, folder, tolerance=1e-5):
    pytest.importorskip("onnx", reason="ONNX export needs the package onnx")
    pytest.importorskip(
        "tf2onnx" if BACKEND == "tensorflow" else "onnxscript",
        reason="ONNX export needs tf2onnx on TensorFlow and onnxscript on torch",
    )
    runtime = pytest.importorskip("onnxruntime", reason="an ONNX file is run by onnxruntime")
    model(x)
    path = str(folder / "model.onnx")
    model.export(path, format="onnx", verbose=False)
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    same(session.run(None, {entry.name: x})[0], model, x, tolerance)
    same(session.run(None, {entry.name: x[:1]})[0], model, x[:1], tolerance)
