"""How a cell is executed: compiled or not, deterministic or not. Nothing here needs a framework."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from attention_fer.common.rules import check_fields, choice, field, flag, whole

# The values of `jit_compile` in Keras.
JIT: dict[str, Any] = {"auto": "auto", "on": True, "off": False}


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

    Raises:
        ValueError: an unknown `jit`, or `steps_per_execution` below 1.
    """

    deterministic: bool = field(flag(False))
    jit: str = field(choice("auto", tuple(JIT)))
    steps_per_execution: int | None = field(whole(None, at_least=1))

    def __post_init__(self) -> None:
        check_fields(self)


def environment(backend: str, execution: Execution) -> dict[str, str]:
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
