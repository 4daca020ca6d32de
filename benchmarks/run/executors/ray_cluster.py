"""Cells as tasks on an existing Ray cluster; their results come home to this machine.

Nodes need no file system in common. The packages of this project go with the job (Ray's
`py_modules`, so each node runs the code of this machine); Ray, the backend and the libraries must
be installed on each. A dataset is used where it lies if a node has it at the same path, and else
goes through the object store, which sends it to a node once. The cell itself runs in a process of
its own, as on one machine: a crash of the framework ends that process and not Ray's.
"""

from __future__ import annotations

import logging
import math
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attention_fer
import benchmarks
import preprocessing
from benchmarks.plan.job import Job
from benchmarks.results.provenance import revision
from benchmarks.results.saved_model import MODEL
from benchmarks.run.executors.base import ADVICE, Cancelled, Notify, failed
from benchmarks.run.executors.node import work
from benchmarks.run.executors.shipping import pack, unpack
from preprocessing.dataset.manifest import FILES

ATTEMPTS = 4  # a cell whose node was lost is started that often
_POLL = 1.0  # seconds between looks for events
_CORES = 2  # of a cell where there is no accelerator


class RayCluster:
    """Runs each cell as a Ray task, with retries elsewhere when its node is lost.

    Where the cluster has GPUs a cell takes one, or a fraction if more cells are asked for than
    there are GPUs; elsewhere two cores. Ray starts a task only where that is free.

    Args:
        address: "auto" for the cluster that this machine is part of; "HOST:6379" for another's
            head; "ray://HOST:10001" from a machine that is no part of it.
        jobs: cells at a time; None for as many as fit.

    Raises:
        ValueError: Ray is not installed, there is no cluster, or it is of another version.
    """

    def __init__(self, address: str, jobs: int | None = None):
        self._ray = _connect(address)
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        self.jobs, cpus, gpus = share(nodes, jobs)
        self._threads = cpus
        self._largest = max(node.get("GPU", 0) for node in nodes)
        # No retries of Ray's own: it would repeat a cell that ran out of memory for ever.
        options = {"num_cpus": cpus, "num_gpus": gpus, "max_retries": 0}
        self._task = self._ray.remote(**options)(_task)
        mailbox = self._ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=0)(_Mailbox)
        self._mailbox = mailbox.remote()
        self._archives: dict[Path, Any] = {}
        self._running: set[Any] = set()
        self._observers: dict[str, Notify] = {}
        self._lock, self._packing = threading.Lock(), threading.Lock()
        self._ended = threading.Event()
        self._cancelled = False
        threading.Thread(target=self._collect, daemon=True).start()

    def run(self, job: Job, notify: Notify, more: bool = False) -> dict[str, Any]:
        """Trains a cell somewhere in the cluster and fills its working folder here."""
        name = job.folder.name
        with self._lock:
            self._observers[name] = notify
        try:
            return self._run(job, name, notify)
        finally:
            with self._lock:
                del self._observers[name]

    def cancel(self) -> None:
        """Cancels all tasks; each ends its cell's process."""
        with self._lock:
            self._cancelled = True
            references = list(self._running)
        for reference in references:
            self._ray.cancel(reference, force=False)

    def close(self) -> None:
        """Leaves the cluster."""
        self._ended.set()
        self._ray.shutdown()

    def _run(self, job: Job, name: str, notify: Notify) -> dict[str, Any]:
        errors = self._ray.exceptions
        lost = (errors.WorkerCrashedError, errors.NodeDiedError, errors.ObjectLostError)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                record, archive = self._answer(job, name)
                unpack(archive, job.folder)
                return _with_revision(record)
            except ValueError as error:
                return failed(str(error))
            except errors.RayError as error:
                if self._cancelled:
                    raise Cancelled from None
                if not isinstance(error, lost):
                    return self._failure(error)
                why = f"{type(error).__name__}, attempt {attempt} of {ATTEMPTS}"
                notify({"event": "note", "note": f"its node was lost ({why})"})
        return failed(f"Its node was lost {ATTEMPTS} times.")

    def _failure(self, error: Exception) -> dict[str, Any]:
        """The record of a failed task; raises OSError where the cluster is to blame."""
        errors = self._ray.exceptions
        if isinstance(error, errors.OutOfMemoryError):
            return failed(f"{ADVICE} (Ray ended the task to save its node.)")
        if isinstance(error, errors.RayTaskError):
            return failed(f"On its node: {type(error.cause).__name__}: {error.cause}")
        raise OSError(f"The Ray cluster fails: {type(error).__name__}: {error}") from error

    def _answer(self, job: Job, name: str) -> tuple[dict[str, Any], bytes]:
        """What the node returns; the dataset is packed and sent when a first node lacks it."""
        files = [*job.imports, *([job.teacher / MODEL] if job.teacher else [])]
        call = (job, self._threads, {path: path.read_bytes() for path in files}, name)
        # In a list, because Ray fetches an argument that is a reference before the task starts.
        sent = self._archives.get(job.dataset)
        answer = self._get(call, [sent] if sent is not None else [])
        if answer is None:
            answer = self._get(call, [self._archive(job.dataset)])
        assert answer is not None, "a node asks for a dataset that was sent"
        return answer

    def _get(self, call: tuple[Any, ...], archive: list[Any]) -> Any:
        with self._lock:
            if self._cancelled:
                raise Cancelled
            reference = self._sized(call[0].cell.replicas).remote(*call, archive, self._mailbox)
            self._running.add(reference)
        try:
            return self._ray.get(reference)
        finally:
            with self._lock:
                self._running.discard(reference)

    def _sized(self, replicas: int) -> Any:
        """The task; with as many GPUs as devices share a batch of the cell."""
        if replicas == 1 or not self._largest:
            return self._task
        if replicas > self._largest:
            raise ValueError(
                f"It needs {replicas} GPUs of one node; the largest has {self._largest:g}."
            )
        return self._task.options(num_gpus=replicas)

    def _archive(self, dataset: Path) -> Any:
        with self._packing:
            if dataset not in self._archives:
                self._archives[dataset] = self._ray.put(pack(dataset, FILES))
            return self._archives[dataset]

    def _collect(self) -> None:
        """Passes the latest event of each cell on, until `close`."""
        while not self._ended.wait(_POLL):
            try:
                latest = self._ray.get(self._mailbox.take.remote(), timeout=10 * _POLL)
            except Exception:  # Its node was lost, or the cluster: progress is all that is missed.
                continue
            with self._lock:
                observers = {name: self._observers.get(name) for name in latest}
            for name, notify in observers.items():
                if notify is not None:
                    notify(latest[name])


def share(nodes: Sequence[Mapping[str, float]], jobs: int | None) -> tuple[int, int, float]:
    """How a cluster is divided: cells at a time, and CPUs and GPUs of each.

    Args:
        nodes: "CPU" and "GPU" of each node, as Ray counts them.
        jobs: cells at a time that are asked for; None for as many as fit.

    Raises:
        ValueError: no node has a CPU.
    """
    able = [node for node in nodes if node.get("GPU", 0) >= 1 and node.get("CPU", 0) >= 1]
    if not able:
        return _share_cores([int(node.get("CPU", 0)) for node in nodes], jobs)
    gpus = int(sum(node["GPU"] for node in able))
    at_once = math.ceil((jobs or gpus) / gpus)  # cells on one GPU
    cpus = min(int(node["CPU"] // (node["GPU"] * at_once)) for node in able)
    return jobs or gpus, max(cpus, 1), 1 / at_once


def _share_cores(cores: Sequence[int], jobs: int | None) -> tuple[int, int, float]:
    cores = [n for n in cores if n]
    if not cores:
        raise ValueError("The Ray cluster has no node with a CPU for a cell.")
    if jobs is None:
        cpus = min(_CORES, *cores)
        return sum(n // cpus for n in cores), cpus, 0.0
    # The largest share of which so many fit; at least a core.
    fits = [c for c in range(1, max(cores) + 1) if sum(n // c for n in cores) >= jobs]
    return jobs, max(fits, default=1), 0.0


class _Mailbox:
    """An actor that keeps the latest event of each cell until it is taken."""

    def __init__(self) -> None:
        self._latest: dict[str, Mapping[str, Any]] = {}

    def put(self, name: str, event: Mapping[str, Any]) -> None:
        self._latest[name] = event

    def take(self) -> dict[str, Mapping[str, Any]]:
        latest, self._latest = self._latest, {}
        return latest


def _task(
    job: Job,
    threads: int,
    sent: Mapping[Path, bytes],
    name: str,
    archive: list[Any],
    mailbox: Any,
) -> Any:
    """The Ray task of a cell."""
    import ray

    def fetch() -> bytes:
        return ray.get(archive[0])

    def notify(event: Mapping[str, Any]) -> None:
        mailbox.put.remote(name, event)

    return work(job, threads, sent, fetch if archive else None, notify)


def _with_revision(record: dict[str, Any]) -> dict[str, Any]:
    """A node has the code of this machine but no repository that could tell its revision."""
    provenance = record.get("provenance")
    if provenance is not None and provenance.get("revision") is None:
        provenance["revision"] = revision()
    return record


def _connect(address: str) -> Any:
    """The module `ray`, connected."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise ValueError(
            f"--executor ray needs Ray ({error}): pip install 'attention-fer[cluster]'"
        ) from error
    packages = [str(Path(p.__path__[0])) for p in (attention_fer, preprocessing, benchmarks)]
    try:
        ray.init(
            address=address,
            runtime_env={"py_modules": packages},
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"No Ray cluster at {address!r} ({error}). Start one with `ray start --head` and "
            "`ray start --address HEAD:6379` on each further machine, or give --ray-address."
        ) from error
    return ray
