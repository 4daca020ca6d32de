"""A process of its own: losses of a training with an `Objective` on some number of CPU devices.

`python mirrored.py REPLICAS {plain,sam}` prints the losses of the epochs as JSON.
"""

import contextlib
import json
import sys

import keras
import numpy as np
import tensorflow as tf

from attention_fer.recipes import Recipe
from attention_fer.training.distillation import Distillation
from attention_fer.training.model import training_model


def network():
    inputs = keras.Input((6, 6, 1))
    x = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    x = keras.layers.BatchNormalization(synchronized=True)(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(4, activation="softmax")(x))


def main(replicas, how):
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    devices = [device.name for device in tf.config.list_logical_devices("CPU")][:replicas]
    strategy = tf.distribute.MirroredStrategy(devices)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (16, 6, 6, 1), np.uint8)
    labels = rng.integers(0, 4, 16).astype("int32")
    keras.utils.set_random_seed(0)
    with strategy.scope() if replicas > 1 else contextlib.nullcontext():
        sam = 0.5 if how == "sam" else 0.0
        recipe = Recipe(
            optimizer="momentum",
            learning_rate=0.1,
            label_smoothing=0.1,
            sam=sam,
            zoom=0.0,
            flip=False,
        )
        made = training_model(network(), recipe, teacher=network(), distillation=Distillation())
        made.compile()
        data = {"pixels": pixels, "labels": labels}
        history = made.model.fit(
            data, labels, batch_size=8, epochs=4, shuffle=False, verbose=0
        ).history
    print(json.dumps(history["loss"]))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
