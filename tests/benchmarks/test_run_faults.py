"""Cells that cannot be trained: each is stored as failed with a reason; the others are trained."""

import shutil

import keras
import numpy as np
import pytest
from processes import folders, started, training, until

from benchmarks.results.store import Store
from benchmarks.run.worker import reason
from preprocessing.prepare import prepare


def stored(out):
    return {r.cell.seed: r for r in Store(out / "attention").results()}


@pytest.mark.slow
def test_a_loss_that_is_not_finite_is_a_failed_cell(run, tmp_path):
    done = run(tmp_path, "--attentions", "none", "--learning-rate", "1e30")
    assert done.returncode == 1
    assert "failed: FloatingPointError:" in done.stdout and "not finite" in done.stdout
    (result,) = stored(tmp_path).values()
    assert result.status == "failed" and "finite" in result.record["error"]


@pytest.mark.slow
def test_want_of_memory_is_a_failed_cell_with_advice(command, environment, tmp_path):
    resource = pytest.importorskip("resource")

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (5 * 2**30, 5 * 2**30))

    # Its second convolution alone has 3 GB of weights.
    arguments = ("--attentions", "none", "--width", "150")
    with started(command(tmp_path, *arguments), environment, limit) as process:
        output, _ = process.communicate(timeout=200)
    assert process.returncode == 1
    (result,) = stored(tmp_path).values()
    assert result.status == "failed"
    assert "Out of memory: a smaller --batch-size or fewer --jobs may help" in output
    assert "\n" not in result.record["error"]


@pytest.mark.parametrize(
    ("error", "starved"),
    [
        (MemoryError(), True),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 12 bytes"), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (OSError(12, "Cannot allocate memory"), True),
        (ValueError("reduction_ratio must not exceed 10"), False),
    ],
)
def test_the_reason_names_want_of_memory(error, starved):
    assert reason(error).startswith("Out of memory: a smaller --batch-size") == starved
    assert str(error)[:20] in reason(error)


@pytest.mark.slow
def test_a_dataset_changed_under_a_run_fails_what_is_left_and_spares_what_is_done(
    command, run, environment, dataset, tmp_path
):
    data, out = tmp_path / "data", tmp_path / "out"
    shutil.copytree(dataset.path, data / "schematic")
    arguments = ("--attentions", "none", "--seeds", "2", "--data", str(data))
    with started(command(out, *arguments), environment) as process:
        until(lambda: training(out))
        prepare("schematic", None, data / "schematic", subjects=9, per_subject=14, overwrite=True)
        output, _ = process.communicate(timeout=200)
    assert process.returncode == 1
    found = stored(out)
    assert found[0].done and found[0].cell.target.fingerprint == dataset.fingerprint
    assert found[1].status == "failed"
    assert "must not change during a run" in output
    # The changed dataset makes other cells: nothing that is stored counts for them.
    again = run(out, *arguments, "--dry-run")
    assert "2 cells, 0 done, 2 to run" in again.stdout
    assert len(folders(out, "*/result.json")) == 2


def test_the_error_of_a_layer_comes_before_what_keras_puts_around_it():
    class Breaks(keras.layers.Layer):
        def call(self, inputs):
            raise ValueError("the cause\nin two lines")

    class Wraps(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Breaks()

        def build(self, shape):
            self.built = True

        def call(self, inputs):
            return self.inner(inputs)

    model = keras.Sequential([Wraps()])
    with pytest.raises(ValueError) as caught:
        model(np.ones((1, 2), "float32"))
    assert reason(caught.value) == "ValueError: the cause\nin two lines (in Breaks.call())"
