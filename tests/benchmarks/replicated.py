"""A process of its own: losses of the first steps, the cell computed on some number of devices.

`python replicated.py REPLICAS BACKBONE [unsynchronised] [augmented] [deterministic]` prints the
losses and the predictions of one fit as JSON. Two CPU devices are visible, whatever the backend.
"""

import json
import os
import sys

DEVICES = 2


def main(replicas, backbone, *how):
    flags = (os.environ.get("XLA_FLAGS", ""), f"--xla_force_host_platform_device_count={DEVICES}")
    os.environ["XLA_FLAGS"] = " ".join(flags)
    import keras
    import numpy as np
    from fabricated import cell

    from attention_fer.training.model import training_model
    from benchmarks.plan.job import Execution
    from benchmarks.plan.settings import profile
    from benchmarks.train import devices
    from benchmarks.train.callbacks import BestWeights, TrainingSequence, Validation, predict
    from benchmarks.train.data import DataPart
    from benchmarks.train.network import network

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        (cpu,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * DEVICES
        )
    still = {} if "augmented" in how else {"flip": False, "zoom": 0.0}
    # SGD, because Adam's first steps depend on little more than the signs of the gradients.
    plain = {"width": 0.0625, "batch_size": 8, "optimizer": "sgd", "learning_rate": 0.01}
    settings = profile("quick", **plain, **still)
    devices.prepare(Execution(deterministic="deterministic" in how), settings)
    one = cell(backbone=backbone, attention="cbam", settings=settings)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (32, 32, 32, 1), np.uint8)
    images[:, 8:24] //= rng.integers(1, 8, (32, 1, 1, 1), np.uint8)
    part = DataPart(images, rng.integers(0, 7, 32), np.arange(32))
    keras.utils.set_random_seed(0)
    with devices.scope(replicas, 8):
        inner = network(one, (32, 32, 1), 7)
        if "unsynchronised" not in how:
            devices.synchronise(inner, replicas)
        made = training_model(inner, settings, seed=0)
        made.compile(**devices.compilation(Execution()))
        model = made.model
        losses = Losses()
        best = BestWeights(inner)
        batches = TrainingSequence(part, 8, 0)
        few = DataPart(images[:5], part.labels[:5], part.sample[:5])
        model.fit(
            batches,
            epochs=2,
            shuffle=False,
            verbose=0,
            callbacks=[
                batches.epoch_starter(),
                losses.callback,
                Validation(few, lambda x: predict(model, x, 8)),
                best,
            ],
        )
        best.restore()
        probabilities = predict(model, images[:5], 8)
        used = devices_of(inner.weights[0])
    print(json.dumps([losses.found, probabilities.tolist(), best.best, used]))


class Losses:
    """Mean loss of each step, from the running mean that Keras keeps."""

    def __init__(self):
        import keras

        self.found, self._sum = [], 0.0
        self.callback = keras.callbacks.LambdaCallback(on_train_batch_end=self.add)

    def add(self, batch, logs):
        total = logs["loss"] * (batch + 1)
        self.found.append(total - (self._sum if batch else 0.0))
        self._sum = total


def devices_of(variable):
    """How many devices hold a weight."""
    value = variable.value
    if hasattr(value, "devices") and callable(value.devices):
        return len(value.devices())
    return len(getattr(value, "values", [value]))


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
