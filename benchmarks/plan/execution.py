"""How cells are computed: what may change their speed, but not what they measure."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from attention_fer.common.checks import one_of

JIT: dict[str, Any] = {"auto": "auto", "on": True, "off": False}


@dataclass(frozen=True)
class Execution:
    """What may change the speed of a cell and the last digits of its numbers, but no more.

    On how many devices it is computed is part of the cell: `Cell.replicas`.

    Attributes:
        deterministic: the same numbers each time on the same hardware, at some cost.
        jit: XLA; "on", "off" or "auto", which leaves it to Keras: on for JAX, for TensorFlow on a
            single accelerator, and off for PyTorch.
        steps_per_execution: training steps between two looks at the loss; None: 16 under
            TensorFlow on accelerators, else 1.
    """

    deterministic: bool = False
    jit: str = "auto"
    steps_per_execution: int | None = None

    def __post_init__(self) -> None:
        one_of("jit", self.jit, JIT)
        if self.steps_per_execution is not None and self.steps_per_execution < 1:
            raise ValueError(
                f"steps_per_execution must be at least 1, given: {self.steps_per_execution}."
            )


def environment(backend: str, execution: Execution) -> dict[str, str]:
    """What has to be in the environment before a process imports its backend."""
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
