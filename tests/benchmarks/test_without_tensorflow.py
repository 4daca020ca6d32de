"""The other backends, where TensorFlow cannot be imported at all."""

import importlib.util
import subprocess
import sys

import pytest

from benchmarks.results.store import Store

BUILD = """
import keras
from attention_fer import layers, models
assert keras.backend.backend() == {backend!r}
model = models.build("vgg16", attention="cbam", input_shape=(32, 32, 1), classes=7, width=0.0625)
total = keras.ops.convert_to_numpy(model(keras.ops.ones((1, 32, 32, 1)))).sum()
assert abs(total - 1) < 1e-5, total
try:
    import tensorflow
except ImportError as error:
    assert "blocked" in str(error)
else:
    raise AssertionError("TensorFlow is there")
"""


@pytest.fixture(params=["jax", "torch"])
def backend(request):
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    return request.param


@pytest.fixture
def without(environment, backend, tmp_path):
    """An environment in which importing TensorFlow fails, in child processes too."""
    blocked = tmp_path / "blocked" / "tensorflow"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise ImportError('tensorflow is blocked')\n")
    path = f"{blocked.parent}:{environment['PYTHONPATH']}"
    return {**environment, "PYTHONPATH": path, "KERAS_BACKEND": backend}


@pytest.mark.slow
def test_layers_and_models_are_imported_and_built(backend, without):
    done = subprocess.run(
        [sys.executable, "-c", BUILD.format(backend=backend)],
        env=without,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_cell_is_trained_and_stored(backend, without, command, tmp_path):
    arguments = command(tmp_path / "runs", "--attentions", "cbam", "--backend", backend)
    done = subprocess.run(arguments, env=without, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (result,) = Store(tmp_path / "runs" / "attention").results()
    assert result.done and result.cell.backend == backend
    assert result.record["metrics"]["n_test"] == len(result.predictions().correct) == 16
    assert backend in result.record["provenance"]["versions"]
