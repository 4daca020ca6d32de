"""Devices: how the backend is set up, and how a batch is divided over several devices."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from attention_fer.recipes import Recipe
from benchmarks.plan.job import JIT, Execution

if TYPE_CHECKING:
    import keras

# Under TensorFlow Keras waits for the loss of every execution, while an accelerator is idle.
TENSORFLOW_STEPS = 16
# The error of `fit` under MultiWorkerMirroredStrategy, in Keras 3.15 with TensorFlow 2.21.
MULTI_WORKER = (
    "Attempt to convert a value (PerReplica:{...}) with an unsupported type "
    "(<class 'tensorflow.python.distribute.values.PerReplica'>) to a Tensor."
)


def compilation(execution: Execution) -> dict[str, Any]:
    """Return the arguments of `keras.Model.compile` that an execution stands for."""
    steps = execution.steps_per_execution or _steps()
    return {"jit_compile": JIT[execution.jit], "steps_per_execution": steps}


def loops_over_epochs(execution: Execution, replicas: int) -> bool:
    """Return whether a cell is trained by `benchmarks.train.epoch_loop`.

    Raises:
        ValueError: the loop was asked for, but the backend is not JAX or there are several devices.
    """
    fits = _backend() == "jax" and replicas == 1
    if execution.epoch_loop == "on" and not fits:
        raise ValueError(
            "epoch_loop must be auto or off unless the backend is jax and replicas is 1, got "
            f"{execution.epoch_loop} with {_backend()} and {replicas}."
        )
    if execution.epoch_loop == "auto":
        return fits and "cpu" not in visible()[0].lower()
    return execution.epoch_loop == "on"


def prepare(execution: Execution, recipe: Recipe) -> None:
    """Sets up the backend, before it computes anything."""
    PREPARE.get(_backend(), lambda *_: None)(execution, recipe)


def visible() -> list[str]:
    """Return the names of the devices for a cell: the accelerators, else the CPUs.

    PyTorch gets one, because Keras cannot divide its batches.
    """
    return VISIBLE[_backend()]()


@contextlib.contextmanager
def scope(replicas: int, batch_size: int) -> Iterator[None]:
    """Within it, models are built and trained on `replicas` devices that share each batch.

    After `synchronise`, losses equal those of one device with the whole batch, up to rounding. The
    draws of the augmentation do not, so that replicas are part of the identity of a cell: under
    TensorFlow each replica draws for its own images with the same seed.

    Raises:
        ValueError: fewer devices than replicas, a batch that they do not divide, or several
            workers in TF_CONFIG.
    """
    _refuse_workers()
    found = visible()
    if not 1 <= replicas <= len(found):
        raise ValueError(
            f"replicas must be from 1 to {len(found)}, the devices of {_backend()} here "
            f"({', '.join(found)}), got {replicas}."
        )
    if batch_size % replicas:
        raise ValueError(
            f"batch_size must be a multiple of the {replicas} devices, got {batch_size}: choose "
            f"{-(-batch_size // replicas) * replicas}."
        )
    _warn_of_idle_devices(replicas, found)
    with SCOPES[_backend()](found[:replicas]) if replicas > 1 else contextlib.nullcontext():
        yield


def synchronise(model: keras.Model, replicas: int) -> None:
    """Makes batch normalisations compute their statistics over the batches of all replicas.

    Under JAX they always do, because the program is that of one device.
    """
    import keras

    if replicas == 1 or _backend() != "tensorflow":
        return
    from attention_fer.common import keras_private

    for layer in keras_private.flatten_layers(model):
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
            f'fit says "{MULTI_WORKER}" Unset TF_CONFIG and give each machine its own '
            "cells: --executor ray, or --shard i/n."
        )


def _warn_of_idle_devices(replicas: int, found: list[str]) -> None:
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
        # On a deep network the graph optimiser takes longer than it saves in so short a run.
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
