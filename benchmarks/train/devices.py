"""How a cell is computed: on which devices, compiled or not, deterministic or not."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from attention_fer.recipes import Recipe
from benchmarks.plan.execution import JIT, Execution

if TYPE_CHECKING:
    import keras

# Keras waits for the loss of every execution under TensorFlow, which an accelerator spends idle.
TENSORFLOW_STEPS = 16
# What `fit` says of tf.distribute.MultiWorkerMirroredStrategy in Keras 3.15 with TensorFlow 2.21.
MULTI_WORKER = (
    "Attempt to convert a value (PerReplica:{...}) with an unsupported type "
    "(<class 'tensorflow.python.distribute.values.PerReplica'>) to a Tensor."
)


def compilation(execution: Execution) -> dict[str, Any]:
    """Return the arguments of `keras.Model.compile` that an execution stands for."""
    steps = execution.steps_per_execution or _steps()
    return {"jit_compile": JIT[execution.jit], "steps_per_execution": steps}


def prepare(execution: Execution, recipe: Recipe) -> None:
    """Sets the backend up, before it computes anything."""
    PREPARE.get(_backend(), lambda *_: None)(execution, recipe)


def visible() -> list[str]:
    """Names of the devices a cell could be divided over: the accelerators, else the CPUs.

    PyTorch gets one, because Keras has no way to divide its batches.
    """
    return VISIBLE[_backend()]()


@contextlib.contextmanager
def scope(replicas: int, batch_size: int) -> Iterator[None]:
    """Inside it a model is built and trained on `replicas` devices, each batch divided over them.

    The losses are those of one device that gets the whole batch, up to rounding, once `synchronise`
    was called; the augmentation's draws are not, which is why the replicas are part of a cell's
    identity: under TensorFlow each replica draws for its own images with the same seed.

    Raises:
        ValueError: fewer devices than replicas, a batch that they do not divide, or several
            workers in TF_CONFIG.
    """
    _refuse_workers()
    found = visible()
    if not 1 <= replicas <= len(found):
        raise ValueError(
            f"The cell is for {replicas} devices, {_backend()} can use {len(found)} here: "
            f"{', '.join(found)}."
        )
    if batch_size % replicas:
        raise ValueError(
            f"A batch of {batch_size} images cannot be divided over {replicas} devices: choose a "
            f"multiple, such as {-(-batch_size // replicas) * replicas}."
        )
    _say_what_is_idle(replicas, found)
    with SCOPES[_backend()](found[:replicas]) if replicas > 1 else contextlib.nullcontext():
        yield


def synchronise(model: keras.Model, replicas: int) -> None:
    """Makes the batch normalisations take their statistics over the batches of all replicas.

    Under JAX they do so by themselves, because the program is that of one device.
    """
    import keras

    if replicas == 1 or _backend() != "tensorflow":
        return
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True


def _backend() -> str:
    import keras

    return str(keras.backend.backend())


def _steps() -> int:
    if _backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return TENSORFLOW_STEPS if tf.config.list_logical_devices("GPU") else 1


def _refuse_workers() -> None:
    cluster = json.loads(os.environ.get("TF_CONFIG") or "{}").get("cluster", {})
    workers = sum(len(cluster.get(kind, ())) for kind in ("chief", "worker"))
    if workers > 1:
        raise ValueError(
            f"TF_CONFIG describes {workers} workers, but Keras 3 cannot train over several: its "
            f'fit says "{MULTI_WORKER}" Take TF_CONFIG away and give each machine cells of its '
            "own: --executor ray, or --shard i/n."
        )


def _say_what_is_idle(replicas: int, found: list[str]) -> None:
    count = len(found)
    if _backend() == "torch":
        import torch

        count = max(1, torch.cuda.device_count())
    if count > replicas:
        print(f"{count} devices are visible, this cell uses {replicas}.", file=sys.stderr)


def _prepare_tensorflow(execution: Execution, recipe: Recipe) -> None:
    import tensorflow as tf

    for device in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(device, True)
    if recipe.epochs <= 5:
        # The graph optimiser takes longer on a deep network than it saves in so short a run.
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    if execution.deterministic:
        tf.config.experimental.enable_op_determinism()


def _prepare_torch(execution: Execution, recipe: Recipe) -> None:
    import torch

    torch.use_deterministic_algorithms(execution.deterministic)


def _tensorflow_devices() -> list[str]:
    import tensorflow as tf

    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return [device.name for device in devices]


def _keras_devices() -> list[str]:
    import keras

    return list(keras.distribution.list_devices())


def _torch_devices() -> list[str]:
    import torch

    return ["cuda:0" if torch.cuda.is_available() else "cpu"]


@contextlib.contextmanager
def _mirrored(devices: list[str]) -> Iterator[None]:
    import tensorflow as tf

    with tf.distribute.MirroredStrategy(devices).scope():
        yield


@contextlib.contextmanager
def _data_parallel(devices: list[str]) -> Iterator[None]:
    import keras

    with keras.distribution.DataParallel(devices=devices).scope():
        yield


PREPARE = {"tensorflow": _prepare_tensorflow, "torch": _prepare_torch}
VISIBLE = {"tensorflow": _tensorflow_devices, "jax": _keras_devices, "torch": _torch_devices}
SCOPES = {"tensorflow": _mirrored, "jax": _data_parallel}
