"""An epoch as one loop on the device computes what its batches do one by one."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from benchmarks.plan.job import Execution
from benchmarks.train import devices

pytest.importorskip("jax")
SCRIPT = Path(__file__).with_name("looped.py")
RECIPES = {
    "plain": {
        "optimizer": "sgd",
        "learning_rate": 0.05,
        "augmentation": [["crop", [["padding", 2]]]],
    },
    "mixed": {"learning_rate": 0.01, "augmentation": [["mixup", [["alpha", 0.3]]]], "sam": 0.05},
    "ema": {"optimizer": "adamw", "schedule": "cosine", "ema": 0.9, "flip_average": True},
}


def trained(environment, how, recipe):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(SCRIPT), how, json.dumps(recipe)],
        env={**environment, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "mixed", "ema"])
def test_a_loop_computes_what_batches_do(environment, name):
    one, other = (trained(environment, how, RECIPES[name]) for how in ("batches", "loop"))
    *histories, weights, seen = one
    *others, weights_there, seen_there = other
    assert [len(of["loss"]) for of in histories] == [2, 1]
    for of, there in zip(histories, others, strict=True):
        assert of.keys() == there.keys()
        for key in of:
            np.testing.assert_allclose(of[key], there[key], rtol=1e-4, err_msg=key)
    for of, there in zip(weights, weights_there, strict=True):
        np.testing.assert_allclose(of, there, atol=1e-5)
    np.testing.assert_allclose(seen, seen_there, atol=1e-5)
    assert np.abs(np.subtract(seen[0], seen[2])).max() > 1e-3, "nothing was learned"


def test_the_loop_is_of_jax_and_one_device():
    jax = keras.backend.backend() == "jax"
    assert not devices.loops_over_epochs(Execution(), 1), "on a processor it is slower"
    assert not devices.loops_over_epochs(Execution(epoch_loop="off"), 1)
    for replicas in (1, 2):
        if jax and replicas == 1:
            assert devices.loops_over_epochs(Execution(epoch_loop="on"), 1)
        else:
            with pytest.raises(ValueError, match="epoch_loop must be auto or off"):
                devices.loops_over_epochs(Execution(epoch_loop="on"), replicas)
