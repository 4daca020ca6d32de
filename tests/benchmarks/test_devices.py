"""One cell on several devices, and how it is computed on one."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
import pytest

from benchmarks.plan.job import Execution, backend_environment
from benchmarks.train import devices

BACKEND = keras.backend.backend()
SCRIPT = Path(__file__).with_name("replicated.py")
DIVIDED = pytest.mark.skipif(BACKEND == "torch", reason="Keras divides no batch under PyTorch")


@pytest.fixture(scope="session")
def fitted(environment):
    """Losses of each step, predictions, best accuracy and number of devices, computed once."""
    found = {}

    def fit(*arguments):
        if arguments not in found:
            done = subprocess.run(
                [sys.executable, str(SCRIPT), *map(str, arguments)],
                env={**environment, "KERAS_BACKEND": BACKEND},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            found[arguments] = json.loads(done.stdout)
        return found[arguments]

    return fit


def farthest(one, other):
    return np.abs(np.subtract(one, other)).max()


@DIVIDED
@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["vgg16", "resnet50"])
def test_two_devices_compute_what_one_does(fitted, backbone):
    one, two = fitted(1, backbone), fitted(2, backbone)
    assert [one[3], two[3]] == [1, 2]
    assert len(one[0]) == len(two[0]) == 8  # two epochs of four steps
    # Rounding errors grow with each step: normalisation over few images makes the most of them.
    assert farthest(one[0][:2], two[0][:2]) < 2e-5
    assert farthest(one[0][:4], two[0][:4]) < 5e-4
    assert farthest(one[0], two[0]) < 2e-2
    assert farthest(one[1], two[1]) < 2e-2
    assert one[2] == two[2]


@pytest.mark.skipif(BACKEND != "tensorflow", reason="JAX's program is that of one device")
@pytest.mark.parametrize(
    "backbone",
    [
        pytest.param("vgg16", marks=pytest.mark.slow),
        pytest.param("resnet50", marks=pytest.mark.slow),
    ],
)
def test_without_synchronisation_the_losses_differ(fitted, backbone):
    one, two = fitted(1, backbone), fitted(2, backbone, "unsynchronised")
    assert farthest(one[0][:4], two[0][:4]) > 1e-3  # beyond what the test above allows


@DIVIDED
@pytest.mark.slow
def test_augmentation_runs_on_two_devices(fitted):
    assert np.isfinite(fitted(2, "vgg16", "augmented")[0]).all()


def test_a_batch_that_does_not_divide_is_refused(monkeypatch):
    monkeypatch.setitem(devices.VISIBLE, BACKEND, lambda: ["a", "b", "c"])
    with pytest.raises(ValueError, match="batch_size .*3 devices.* 16.* 18"):
        devices.scope(3, 16).__enter__()


@pytest.mark.parametrize("replicas", [0, 2])
def test_devices_that_are_not_there_are_refused(monkeypatch, replicas):
    monkeypatch.setitem(devices.VISIBLE, BACKEND, lambda: ["only"])
    with pytest.raises(ValueError, match=f"from 1 to 1.*{BACKEND}.*only.*got {replicas}"):
        devices.scope(replicas, 16).__enter__()


def test_idle_devices_are_mentioned(monkeypatch, capsys):
    monkeypatch.setitem(devices.VISIBLE, BACKEND, lambda: ["a", "b"])
    with devices.scope(1, 16):
        pass
    told = "" if BACKEND == "torch" else "2 devices are visible, this cell uses 1.\n"
    assert capsys.readouterr().err == told


@pytest.mark.parametrize(
    ("cluster", "count"),
    [({"worker": ["a:1", "b:1"]}, 2), ({"chief": ["a:1"], "worker": ["b:1"]}, 2)],
)
def test_several_workers_are_refused(monkeypatch, cluster, count):
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"index": 0}}))
    with pytest.raises(ValueError, match=f"{count} workers.*PerReplica.*--executor ray"):
        devices.scope(1, 16).__enter__()


@pytest.mark.parametrize("config", ["", "{}", '{"cluster": {"worker": ["a:1"]}}'])
def test_one_worker_is_none_too_many(monkeypatch, config):
    monkeypatch.setenv("TF_CONFIG", config)
    with devices.scope(1, 16):
        pass


def test_an_execution_is_checked_and_is_json():
    assert Execution(**json.loads(json.dumps(asdict(Execution(jit="off"))))) == Execution(jit="off")
    with pytest.raises(ValueError, match="jit"):
        Execution(jit="yes")
    with pytest.raises(ValueError, match="at least 1.*0"):
        Execution(steps_per_execution=0)


def test_what_a_model_is_compiled_with():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", **devices.compilation(Execution(jit="off", steps_per_execution=3)))
    assert (model.jit_compile, model.steps_per_execution) == (False, 3)
    model.compile("sgd", "mse", **devices.compilation(Execution()))
    # On CPUs, that is; Keras's own choice.
    assert (model.jit_compile, model.steps_per_execution) == (BACKEND == "jax", 1)


def test_the_environment_of_each_backend(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_a=1")
    assert backend_environment("tensorflow", Execution(deterministic=True)) == {}
    found = backend_environment("jax", Execution(deterministic=True))
    assert found["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert found["XLA_FLAGS"] == "--xla_a=1 --xla_gpu_deterministic_ops=true"
    assert "XLA_FLAGS" not in backend_environment("jax", Execution())
    assert "CUBLAS_WORKSPACE_CONFIG" in backend_environment("torch", Execution(deterministic=True))


@pytest.mark.slow
def test_deterministic_runs_are_equal_to_the_last_bit(environment):
    """Two processes on all cores; the environment's flags are accepted by the backend."""
    flags = backend_environment(BACKEND, Execution(deterministic=True))
    done = [
        subprocess.run(
            [sys.executable, str(SCRIPT), "1", "vgg16", "deterministic"],
            env={**environment, **flags, "KERAS_BACKEND": BACKEND},
            capture_output=True,
            text=True,
            check=False,
        )
        for _ in range(2)
    ]
    assert done[0].returncode == 0, done[0].stderr
    assert done[0].stdout == done[1].stdout
