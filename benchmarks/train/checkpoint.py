"""The state of a training after its last complete epoch, from which a killed cell continues."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from attention_fer.common.files import replacing
from benchmarks.train.callbacks import BestWeights, EpochHistory
from benchmarks.train.tensorboard.epochs import EpochLog

# Seconds between two checkpoints are at least the seconds that one takes, divided by this.
SHARE = 0.02
# Assumed speed of the first checkpoint, in bytes per second.
_SPEED = 2e8

Arrays = dict[str, list[np.ndarray]]


class TrainingCheckpoint(keras.callbacks.Callback):
    """Stores the training at the beginning of an epoch, and restores it at the beginning of a fit.

    What is stored: weights, states of random generators, the optimizer with its averaged weights,
    the best weights, and what the callbacks count. On one device the results are then those of an
    uninterrupted training. Place it last, since it reads the state of the other callbacks. Writing
    takes at most about a fiftieth of the time.

    Args:
        path: file of the checkpoint; None to store nothing.
        identity: values for JSON; a stored training is resumed only if all of them are the same.
        best, history, log: callbacks of the training.
        counting: Keras's callbacks that count epochs, such as `EarlyStopping`.
        clock: returns seconds.

    Attributes:
        done: whole epochs of the stored training; 0 without one.
        seconds: duration of these epochs.
        resumed: numbers of whole epochs after which the training went on.
        problem: why a checkpoint that was there is not used; "" otherwise.
    """

    def __init__(
        self,
        path: Path | None,
        identity: Mapping[str, Any],
        *,
        best: BestWeights,
        history: EpochHistory,
        log: EpochLog,
        counting: Sequence[keras.callbacks.Callback] = (),
        clock: Callable[[], float] = time.monotonic,
    ):
        super().__init__()
        self.done, self.seconds, self.problem = 0, 0.0, ""
        self.resumed: list[int] = []
        self._path, self._identity, self._clock = path, dict(identity), clock
        self._best, self._history, self._log, self._counting = best, history, log, counting
        self._found: tuple[dict[str, Any], Arrays] | None = None
        self._began, self._written = clock(), clock()
        self._cost: float | None = None
        self._read()

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        # Not earlier: EarlyStopping and others forget what they counted when a fit begins.
        if self._found is not None:
            self._restore(*self._found)
            self._found = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # Not at the end of an epoch: by now SwapEMA has put the trained weights back.
        if self._path is not None and epoch > self.done and self._is_due():
            self._write(epoch)

    def remaining(self, phases: Sequence[tuple[int, int, Any]]) -> list[tuple[int, int, Any]]:
        """Return what is left of (first epoch, last epoch, …) phases after the stored epochs."""
        return [
            (max(first, self.done + 1), last, what)
            for first, last, what in phases
            if last > self.done
        ]

    def _is_due(self) -> bool:
        if self._cost is None:
            size = sum(array.nbytes for arrays in self._arrays().values() for array in arrays)
            self._cost = size / _SPEED
        return self._cost <= SHARE * (self._clock() - self._written)

    def _arrays(self) -> Arrays:
        return {
            "variables": [_array(variable) for variable in self.model.variables],
            "optimizer": [_array(variable) for variable in self.model.optimizer.variables],
            "best": self._best.weights,
        }

    def _write(self, epoch: int) -> None:
        assert self._path is not None
        start = self._clock()
        content = {
            "identity": self._identity,
            "done": epoch,
            "seconds": self.seconds + start - self._began,
            "resumed": self.resumed,
            "best": {"best": self._best.best, "epoch": self._best.epoch},
            "history": self._history.epochs,
            "scalars": self._log.scalars,
            "counting": [_numbers(callback) for callback in self._counting],
        }
        arrays = {
            f"{kind}/{index:06d}": array
            for kind, group in self._arrays().items()
            for index, array in enumerate(group)
        }
        arrays["content"] = np.frombuffer(json.dumps(content).encode(), "uint8")
        with replacing(self._path) as draft, draft.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        self._written = self._clock()
        self._cost = self._written - start

    def _read(self) -> None:
        if self._path is None or not self._path.is_file():
            return
        try:
            with self._path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                content = json.loads(stored["content"].tobytes())
                groups: Arrays = {"variables": [], "optimizer": [], "best": []}
                for name in sorted(set(stored.files) - {"content"}):
                    groups[name.partition("/")[0]].append(stored[name])
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            self.problem = f"its checkpoint cannot be read: {error}"
            return
        written = content["identity"]
        if differing := [key for key in self._identity if written.get(key) != self._identity[key]]:
            self.problem = f"its checkpoint differs in {' and '.join(differing)}"
            return
        self._found = content, groups
        self.done, self.seconds = content["done"], content["seconds"]
        self.resumed = [*content["resumed"], self.done]

    def _restore(self, content: dict[str, Any], arrays: Arrays) -> None:
        _assign(self.model.variables, arrays["variables"])
        _assign(self.model.optimizer.variables, arrays["optimizer"])
        self._best.weights = arrays["best"]
        self._best.best, self._best.epoch = content["best"]["best"], content["best"]["epoch"]
        self._history.epochs[:] = content["history"]
        self._log.replay(content["scalars"])
        for callback, numbers in zip(self._counting, content["counting"], strict=True):
            vars(callback).update(numbers)
        self._began = self._written = self._clock()


def _array(variable: Any) -> np.ndarray:
    array: np.ndarray = keras.ops.convert_to_numpy(variable)
    # NumPy's files have no bfloat16, and float32 holds all its values.
    return array.astype("float32") if array.dtype.name == "bfloat16" else array


def _assign(variables: Sequence[Any], arrays: Sequence[np.ndarray]) -> None:
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _numbers(callback: keras.callbacks.Callback) -> dict[str, Any]:
    """The attributes of a callback that are numbers, text or None."""
    kinds = (bool, int, float, str, type(None))
    return {
        name: float(value) if isinstance(value, np.floating) else value
        for name, value in vars(callback).items()
        if isinstance(value, (*kinds, np.floating))
    }
