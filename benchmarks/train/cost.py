"""What a network costs relative to another: parameters, multiply-adds, interleaved times."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from attention_fer.models.multiply_adds import multiply_adds
from attention_fer.training import freezing
from attention_fer.training.model import TrainingModel, training_model
from benchmarks.plan.cell import Cell
from benchmarks.plan.job import Execution
from benchmarks.train import devices
from benchmarks.train.callbacks import TrainingSequence
from benchmarks.train.data import DataPart
from benchmarks.train.network import network, set_norm_momentum

Timed = Callable[[], "float | None"]


def cost(
    cell: Cell,
    reference: Cell,
    image_shape: tuple[int, ...],
    classes: int,
    rounds: int = 20,
    steps: int = 5,
) -> dict[str, Any]:
    """Return what `cell` costs relative to `reference`, as JSON; see `measure`.

    Steps are those of the first epoch, with what is frozen there. Teachers are left out.
    """
    keras.config.set_dtype_policy(cell.settings.precision)
    models = {
        name: _training_model(one, image_shape, classes)
        for name, one in (("network", cell), ("reference", reference))
    }
    networks = {name: model.network for name, model in models.items()}
    counts = {
        "parameters": {name: int(one.count_params()) for name, one in networks.items()},
        "multiply_adds": {name: multiply_adds(one) for name, one in networks.items()},
    }
    batch = int(cell.settings.batch_size or 64)
    times = measure(models, batch, rounds, steps)
    relative = {name: count["network"] / count["reference"] for name, count in counts.items()}
    timed = {name: ratios(t["network"], t["reference"]) for name, t in times.items()}
    return {
        "reference": reference.spec,
        "batch_size": batch,
        "rounds": rounds,
        **counts,
        "seconds": {
            name: {key: statistics.median(value) for key, value in of.items()}
            for name, of in times.items()
        },
        "ratio": {**relative, **timed},
    }


def _training_model(cell: Cell, image_shape: tuple[int, ...], classes: int) -> TrainingModel:
    settings, inner = cell.settings, network(cell, image_shape, classes)
    set_norm_momentum(inner, settings.norm_momentum)
    if settings.freeze:
        freezing.freeze(inner, settings.freeze)
    labels = np.arange(classes)  # equal classes: what class weights cost, not what they are
    made = training_model(inner, settings, seed=cell.seed, image_shape=image_shape, labels=labels)
    # More would hide from `_StepTimer` where the first step ends.
    made.compile(**devices.compilation(Execution(steps_per_execution=1)))
    return made


def interleaved(
    calls: Mapping[str, Timed], rounds: int, warm_up: int = 2
) -> dict[str, list[float]]:
    """Return the seconds of each call in each round; the order rotates from round to round.

    Args:
        calls: by name; one that returns a number has measured itself, in seconds.
        rounds: how many, at least 2.
        warm_up: rounds before these, which are not kept.

    Raises:
        ValueError: fewer than two rounds.
    """
    if rounds < 2:
        raise ValueError(f"rounds must be at least 2, got {rounds}.")
    names = list(calls)
    times: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(warm_up + rounds):
        # Each call inherits the caches of the one before it, so each goes first equally often.
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            spent = seconds(calls[name])
            if turn >= warm_up:
                times[name].append(spent)
    return times


def ratios(times: Sequence[float], others: Sequence[float]) -> dict[str, float]:
    """Return median and quartiles of the ratios of times of the same round.

    The quartiles lie within the ratios, however few rounds there are.
    """
    low, median, high = statistics.quantiles(
        [one / other for one, other in zip(times, others, strict=True)], n=4, method="inclusive"
    )
    return {"median": median, "low": low, "high": high}


def measure(
    models: Mapping[str, TrainingModel], batch_size: int, rounds: int = 20, steps: int = 5
) -> dict[str, dict[str, list[float]]]:
    """Time compiled models, interleaved in this process.

    Returns:
        Seconds in each round, by model, of `step` (a training step of a `fit` with its data, the
        mean of `steps`), `image` and `batch` (`predict_on_batch` of one image and of a batch).

    Raises:
        ValueError: fewer than two rounds or one step.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}.")
    kinds: dict[str, Callable[[TrainingModel], Timed]] = {
        "step": lambda model: _step(model, batch_size, steps),
        "image": lambda model: _prediction(model, 1),
        "batch": lambda model: _prediction(model, batch_size),
    }
    return {
        kind: interleaved({name: make(model) for name, model in models.items()}, rounds)
        for kind, make in kinds.items()
    }


def epoch_of_steps(model: keras.Model | TrainingModel, batches: Any, steps: int) -> float:
    """Return the seconds of a step, the mean of `steps` in an epoch of one more.

    The first step does not count: it pays for the start of the epoch.

    Raises:
        ValueError: the model runs several steps at once.
    """
    timer = _StepTimer()
    model.fit(batches, shuffle=False, verbose=0, callbacks=[timer])
    if timer.spent is None:
        raise ValueError(
            "A model whose steps are timed must be compiled with steps_per_execution=1."
        )
    return timer.spent / steps


class _StepTimer(keras.callbacks.Callback):
    """Seconds of the steps after the first; None if Keras reports no second step."""

    spent: float | None = None
    _start: float | None = None

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if batch == 1:
            self._start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # By now Keras has waited for the loss of the last step.
        if self._start is not None:
            self.spent = time.perf_counter() - self._start


def _step(model: TrainingModel, batch_size: int, steps: int) -> Timed:
    n = batch_size * (steps + 1)
    labels = np.arange(n) % model.predictor.output_shape[-1]
    part = DataPart(_images(model, n), labels, np.arange(n))
    batches = TrainingSequence(part, batch_size, seed=0, with_labels=model.takes_labels)
    return lambda: epoch_of_steps(model, batches, steps)


def _prediction(model: TrainingModel, n: int) -> Timed:
    images = _images(model, n)

    def predict() -> None:
        model.predictor.predict_on_batch(images)

    return predict


def _images(model: TrainingModel, n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(
        0, 256, (n, *model.predictor.input_shape[1:]), np.uint8
    )


def seconds(call: Callable[[], Any]) -> float:
    """Return how long a call takes, or what it returns if that is a number of seconds."""
    start = time.perf_counter()
    measured = call()
    return measured if isinstance(measured, float) else time.perf_counter() - start
