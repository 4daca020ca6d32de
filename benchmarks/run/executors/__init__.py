"""Where cells run: `local`, processes on this machine, or `ray`, the nodes of a Ray cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from attention_fer.common.checks import one_of
from benchmarks.run.executors.base import Cancelled, Executor

__all__ = ["Cancelled", "Executor", "Place", "make", "names"]


@dataclass(frozen=True)
class Place:
    """What an executor is told of where it shall run.

    Attributes:
        jobs: cells at a time; None for as many as fit.
        gpus: those of this machine, as CUDA_VISIBLE_DEVICES has them.
        replicas: devices that share each cell's batches.
        address: of the Ray cluster, "auto" for the one that this machine is part of.
    """

    jobs: int | None = None
    gpus: Sequence[str] = ()
    replicas: int = 1
    address: str = "auto"


def _local(place: Place) -> Executor:
    from benchmarks.run.executors.local import Local

    fitting = len(place.gpus) // place.replicas or min(os.cpu_count() or 1, 4)
    return Local(place.jobs or fitting, place.gpus, place.replicas)


def _ray(place: Place) -> Executor:
    from benchmarks.run.executors.ray_cluster import RayCluster

    return RayCluster(place.address, place.jobs)


_EXECUTORS: dict[str, Callable[[Place], Executor]] = {"local": _local, "ray": _ray}


def names() -> list[str]:
    """What `make` knows."""
    return list(_EXECUTORS)


def make(name: str, place: Place) -> Executor:
    """The executor of this name.

    Raises:
        ValueError: an unknown name, Ray is not installed, there is no cluster, or a cell wants
            more devices than there are.
    """
    return _EXECUTORS[one_of("executor", name, _EXECUTORS)](place)
