"""Where cells run: `local`, processes on this machine, or `ray`, the nodes of a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable

from attention_fer.checks import one_of
from benchmarks.executors.base import Cancelled, Executor, Job

__all__ = ["Cancelled", "Executor", "Job", "make", "names"]


def _local(jobs: int | None, address: str) -> Executor:
    from benchmarks.executors.local import Local

    return Local(jobs or 1)


def _ray(jobs: int | None, address: str) -> Executor:
    from benchmarks.executors.ray_cluster import RayCluster

    return RayCluster(address, jobs)


_EXECUTORS: dict[str, Callable[[int | None, str], Executor]] = {"local": _local, "ray": _ray}


def names() -> list[str]:
    """What `make` knows."""
    return list(_EXECUTORS)


def make(name: str, jobs: int | None = None, address: str = "auto") -> Executor:
    """The executor of this name.

    Args:
        name: one of `names`.
        jobs: cells at a time; None for one on this machine, or as many as fit into the cluster.
        address: of the Ray cluster, "auto" for the one that this machine is part of.

    Raises:
        ValueError: an unknown name, Ray is not installed, or there is no cluster.
    """
    return _EXECUTORS[one_of("executor", name, _EXECUTORS)](jobs, address)
