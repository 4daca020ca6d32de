"""Trains a small network under JAX, batch by batch or as loops on the device, and prints it all.

Run by `test_epoch_loop.py`: looped.py loop|batches RECIPE-AS-JSON.
"""

import json
import sys

import keras
import numpy as np

from attention_fer.recipes import Recipe
from attention_fer.training.model import training_model
from benchmarks.train.callbacks import TrainingSequence
from benchmarks.train.data import DataPart
from benchmarks.train.epoch_loop import Batchwise, EpochLoop

EPOCHS, BATCH = 3, 8  # five steps an epoch; five images are left over


def network():
    inputs = keras.Input((12, 12, 1))
    x = keras.layers.Conv2D(
        4, 3, use_bias=False, kernel_initializer=keras.initializers.HeNormal(1)
    )(inputs)
    x = keras.layers.BatchNormalization(momentum=0.9)(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
    x = keras.layers.Dropout(0.3, seed=5)(x)
    kernel = keras.initializers.GlorotUniform(2)
    outputs = keras.layers.Dense(3, activation="softmax", kernel_initializer=kernel)(x)
    return keras.Model(inputs, outputs)


def main(how, recipe):
    recipe = Recipe(**{key: _tuples(value) for key, value in recipe.items()})
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 45)
    images = np.clip(
        rng.integers(0, 200, (45, 12, 12, 1)) + 20 * labels[:, None, None, None], 0, 255
    )
    part = DataPart(images.astype("uint8"), labels, np.arange(45))
    made = training_model(network(), recipe, seed=7)
    batches = TrainingSequence(part, BATCH, seed=3, with_labels=made.takes_labels)
    compute = {"loop": EpochLoop, "batches": Batchwise}[how](made, batches, BATCH)
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: seen.append(compute.predict(part.images).tolist())
    )
    for first in (0, 2):  # compiled anew for another phase of the training
        made.compile(steps=len(batches))
        history = made.model.fit(
            compute.of_a_fit(),
            initial_epoch=first,
            epochs=min(first + 2, EPOCHS),
            shuffle=False,
            verbose=0,
            callbacks=[batches.epoch_starter(), watch],
        ).history
        print(json.dumps({key: list(map(float, values)) for key, values in history.items()}))
    print(json.dumps([weight.tolist() for weight in made.network.get_weights()]))
    print(json.dumps(seen))


def _tuples(value):
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
