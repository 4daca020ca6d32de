"""Where cells run: `local` in processes on this machine, `ray` on the nodes of a Ray cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from attention_fer.common.checks import one_of
from benchmarks.run.executors.base import Cancelled, Executor

__all__ = ["Cancelled", "Executor", "Resources", "make", "names"]


@dataclass(frozen=True)
class Resources:
    """The machines and devices that an executor may use.

    Attributes:
        jobs: number of cells that run at the same time; None for as many as fit.
        gpus: GPUs of this machine, as in CUDA_VISIBLE_DEVICES.
        replicas: number of devices that share each cell's batches.
        address: address of the Ray cluster; "auto" for the one this machine belongs to.
    """

    jobs: int | None = None
    gpus: Sequence[str] = ()
    replicas: int = 1
    address: str = "auto"


def _local(resources: Resources) -> Executor:
    from benchmarks.run.executors.local import Local

    fitting = len(resources.gpus) // resources.replicas or min(os.cpu_count() or 1, 4)
    return Local(resources.jobs or fitting, resources.gpus, resources.replicas)


def _ray(resources: Resources) -> Executor:
    from benchmarks.run.executors.ray_cluster import RayCluster

    return RayCluster(resources.address, resources.jobs)


_EXECUTORS: dict[str, Callable[[Resources], Executor]] = {"local": _local, "ray": _ray}


def names() -> list[str]:
    """Return the names that `make` accepts."""
    return list(_EXECUTORS)


def make(name: str, resources: Resources) -> Executor:
    """Return a new executor.

    Raises:
        ValueError: the name is unknown, Ray is not installed, there is no cluster, or a cell needs
            more devices than there are.
    """
    return _EXECUTORS[one_of("executor", name, _EXECUTORS)](resources)
