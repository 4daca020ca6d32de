"""How batches reach the device: one by one, or a whole epoch in one compiled loop.

A small network computes a batch of 48-pixel images faster on a GPU than Python starts the step.
Under JAX the images can stay on the device, and an epoch is then one compiled loop, in which
nothing waits for the CPU.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from attention_fer.training.model import TrainingModel
from benchmarks.train.callbacks import TrainingSequence, predict


class Batchwise:
    """Each step is started from Python, with a batch from the memory of the processor.

    Args:
        made: the models that are trained and predict.
        batches: the training images.
        batch_size: images per step of a prediction.
    """

    def __init__(self, made: TrainingModel, batches: TrainingSequence, batch_size: int):
        self.made, self.batches, self.batch_size = made, batches, batch_size

    def of_a_fit(self) -> keras.utils.PyDataset:
        """Return what `fit` reads, after the model was compiled."""
        return self.batches

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return class probabilities (n, classes), float32, of uint8 images."""
        return predict(self.made.predictor, images, self.batch_size)


class EpochLoop(Batchwise):
    """Each epoch, and each prediction of many images, is one loop on the device (JAX only).

    Steps, their order and their draws are those of `Batchwise`; numbers differ by rounding alone.
    """

    def __init__(self, made: TrainingModel, batches: TrainingSequence, batch_size: int):
        import jax

        super().__init__(made, batches, batch_size)
        part = batches.part
        self._images = jax.device_put(part.images)
        # JAX has no int64 and warns of each one.
        self._labels = jax.device_put(part.labels.astype(np.int32))
        self._predict = jax.jit(self._predict_batches)
        self._last: tuple[np.ndarray, Any] | None = None  # images and their batches on the device

    def of_a_fit(self) -> keras.utils.PyDataset:
        """Return one batch, which stands for an epoch, after the model was compiled."""
        import jax

        run = jax.jit(self._epoch, donate_argnums=0)

        def epoch(state: Any, iterator: Any) -> tuple[Any, Any]:
            next(iterator)
            rows = self.batches.rows.astype(np.int32)
            return run(state, self._images, self._labels, rows)

        # Keras uses an existing `train_function`; `compile` has removed the previous one.
        self.made.model.train_function = epoch
        return _FirstBatch(self.batches)

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return class probabilities (n, classes), float32, of uint8 images."""
        model = self.made.predictor
        state = ([v.value for v in group] for group in _variables(model))
        found = np.asarray(self._predict(*state, self._on_device(images)), "float32")
        return found.reshape(-1, found.shape[-1])[: len(images)]

    def _on_device(self, images: np.ndarray) -> Any:
        """Return images in batches of one shape on the device; those of validation stay there."""
        import jax

        if self._last is None or self._last[0] is not images:
            steps = -(-len(images) // self.batch_size)
            filled = images.take(range(steps * self.batch_size), axis=0, mode="wrap")
            batches = filled.reshape(steps, self.batch_size, *images.shape[1:])
            self._last = images, jax.device_put(batches)
        return self._last[1]

    def _epoch(self, state: Any, images: Any, labels: Any, rows: Any) -> tuple[Any, Any]:
        import jax

        def step(state: Any, taken: Any) -> tuple[Any, Any]:
            x, y = images[taken], labels[taken]
            data = ({"pixels": x, "labels": y} if self.made.takes_labels else x, y)
            logs, state = self.made.model.train_step(state, data)
            return state, logs

        state, logs = jax.lax.scan(step, state, rows)
        return jax.tree.map(lambda values: values[-1], logs), state

    def _predict_batches(self, trainable: Any, others: Any, batches: Any) -> Any:
        import jax

        def one(images: Any) -> Any:
            call = self.made.predictor.stateless_call
            return call(trainable, others, images, training=False)[0]

        return jax.lax.map(one, batches)


def _variables(model: keras.Model) -> tuple[list[Any], list[Any]]:
    return model.trainable_variables, model.non_trainable_variables


class _FirstBatch(keras.utils.PyDataset):
    """The first batch of each epoch, from which Keras learns the shapes."""

    def __init__(self, batches: TrainingSequence):
        super().__init__()
        self._batches = batches

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Any:
        return self._batches[0]
