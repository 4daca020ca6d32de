"""A job, the message to the process that trains a cell, and how that process executes it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from attention_fer.common.rules import check_fields, choice, field, flag, whole
from benchmarks.plan.cell import Cell

# The values of `jit_compile` in Keras.
JIT: dict[str, Any] = {"auto": "auto", "on": True, "off": False}
# Folder of TensorBoard logs, next to the results and in the working folder of a node.
TENSORBOARD = "tensorboard"


@dataclass(frozen=True)
class Execution:
    """Options that may change the speed of a cell and the last digits of its numbers, but no more.

    The number of devices is part of the cell instead: `Cell.replicas`.

    Attributes:
        deterministic: the same numbers each time on the same hardware, at some cost.
        jit: XLA; "on", "off" or "auto", which leaves it to Keras: on for JAX, for TensorFlow on a
            single accelerator, and off for PyTorch.
        steps_per_execution: training steps between two looks at the loss; None: 16 under
            TensorFlow on accelerators, else 1.
        epoch_loop: whether an epoch is one compiled loop over images that stay on the device, see
            `benchmarks.train.epoch_loop`; "on", "off" or "auto": on for JAX on one accelerator.

    Raises:
        ValueError: an unknown `jit` or `epoch_loop`, or `steps_per_execution` below 1.
    """

    deterministic: bool = field(flag(False))
    jit: str = field(choice("auto", tuple(JIT)))
    steps_per_execution: int | None = field(whole(None, at_least=1))
    epoch_loop: str = field(choice("auto", ("auto", "on", "off")))

    def __post_init__(self) -> None:
        check_fields(self)


def backend_environment(backend: str, execution: Execution) -> dict[str, str]:
    """Return the environment variables a process needs before it imports its backend."""
    found = {}
    if backend == "jax":
        found["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
        if execution.deterministic:
            flags = (os.environ.get("XLA_FLAGS", ""), "--xla_gpu_deterministic_ops=true")
            found["XLA_FLAGS"] = " ".join(filter(None, flags))
    if backend == "torch" and execution.deterministic:
        # https://docs.nvidia.com/cuda/cublas/#results-reproducibility
        found["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    return found


@dataclass(frozen=True)
class Job:
    """Everything needed to train one cell. Paths are those of the machine that does the work.

    Attributes:
        cell: the cell to train.
        dataset: folder of the prepared dataset.
        folder: empty folder for the cell's output.
        execution: how the cell is executed.
        imports: the user's Python files, imported before the network is built.
        teacher: folder with the result of the cell's teacher; None without a teacher.
        plain: for a control, folder with the result of its backbone without attention, which is
            copied if the control equals it; None to train in any case.
        keep: whether to store the trained network too.
        checkpoint: file of the state after the last whole epoch, from which a killed cell goes on;
            None to start from the beginning.
        tensorboard: folder of the cell's TensorBoard logs; None for `TENSORBOARD` in `folder`.
        reference: if given, do not train but measure the cost of `cell` next to that of this cell.
    """

    cell: Cell
    dataset: Path
    folder: Path
    execution: Execution = Execution()
    imports: tuple[Path, ...] = ()
    teacher: Path | None = None
    plain: Path | None = None
    keep: bool = False
    checkpoint: Path | None = None
    tensorboard: Path | None = None
    reference: Cell | None = None

    def to_json(self) -> str:
        """Return the job as one line of JSON."""
        content = {f.name: getattr(self, f.name) for f in fields(self)}
        return json.dumps(content, default=_encode)

    @classmethod
    def from_json(cls, text: str) -> Job:
        """Return the job that `to_json` wrote. Raises various errors if `text` is not a job."""
        content = json.loads(text)
        decoded = {name: _DECODERS.get(name, _unchanged)(value) for name, value in content.items()}
        return cls(**decoded)


def _encode(value: object) -> Any:
    if isinstance(value, Cell):
        return value.spec
    return asdict(value) if isinstance(value, Execution) else str(value)


def _unchanged(value: Any) -> Any:
    return value


def _optional(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read(value)


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "cell": Cell.from_spec,
    "dataset": Path,
    "folder": Path,
    "execution": lambda content: Execution(**content),
    "imports": lambda paths: tuple(map(Path, paths)),
    "teacher": _optional(Path),
    "plain": _optional(Path),
    "checkpoint": _optional(Path),
    "tensorboard": _optional(Path),
    "reference": _optional(Cell.from_spec),
}
