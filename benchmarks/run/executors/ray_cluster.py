"""Runs cells as tasks on an existing Ray cluster and stores their results on this machine.

Nodes need no shared file system. The packages of this project are sent with the job (Ray's
`py_modules`), so each node runs the code of this machine; Ray, the backend and the libraries must
be installed on each node. If a node has the dataset at the same path, it uses that; otherwise the
object store sends it to the node once. As on a single machine, the cell runs in a separate process:
a crash of the framework ends that process, not Ray's.
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
from benchmarks.run.executors import ADVICE, Cancelled, EventHandler, failed
from benchmarks.run.executors.node import pack, unpack, work
from preprocessing.dataset.manifest import FILES

ATTEMPTS = 4  # number of attempts at a cell whose nodes are lost
_POLL = 1.0  # seconds between checks for events
_CORES = 2  # cores of a cell without an accelerator


class RayCluster:
    """Runs each cell as a Ray task, and retries it on another node if its node is lost.

    If the cluster has GPUs, a cell takes one, or a fraction of one if `jobs` exceeds the number of
    GPUs; otherwise it takes two cores. Ray starts a task only on a node where these are free.

    Args:
        address: "auto" for the cluster that this machine belongs to; "HOST:6379" for the head of
            another cluster; "ray://HOST:10001" from a machine outside the cluster.
        jobs: number of cells that run at the same time; None for as many as fit.

    Raises:
        ValueError: Ray is not installed, there is no cluster, or its version differs.
    """

    def __init__(self, address: str, jobs: int | None = None):
        self._ray = _connect(address)
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        self.jobs, cpus, gpus = divide_cluster(nodes, jobs)
        self._threads = cpus
        self._largest = max(node.get("GPU", 0) for node in nodes)
        # Ray must not retry: it would repeat a cell that ran out of memory forever.
        options = {"num_cpus": cpus, "num_gpus": gpus, "max_retries": 0}
        self._task = self._ray.remote(**options)(_task)
        mailbox = self._ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=0)(_Mailbox)
        self._mailbox = mailbox.remote()
        self._archives: dict[Path, Any] = {}
        self._running: set[Any] = set()
        self._handlers: dict[str, EventHandler] = {}
        self._lock, self._packing = threading.Lock(), threading.Lock()
        self._ended = threading.Event()
        self._cancelled = False
        threading.Thread(target=self._collect, daemon=True).start()

    def run(self, job: Job, notify: EventHandler, more: bool = False) -> dict[str, Any]:
        """Run a cell on a node of the cluster and copy its output into its working folder here."""
        name = job.folder.name
        with self._lock:
            self._handlers[name] = notify
        try:
            return self._run(job, name, notify)
        finally:
            with self._lock:
                del self._handlers[name]

    def cancel(self) -> None:
        """Cancel all tasks; each ends its cell's process."""
        with self._lock:
            self._cancelled = True
            references = list(self._running)
        for reference in references:
            self._ray.cancel(reference, force=False)

    def close(self) -> None:
        """Disconnect from the cluster."""
        self._ended.set()
        self._ray.shutdown()

    def _run(self, job: Job, name: str, notify: EventHandler) -> dict[str, Any]:
        errors = self._ray.exceptions
        lost = (errors.WorkerCrashedError, errors.NodeDiedError, errors.ObjectLostError)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                record, archive = self._request(job, name)
                unpack(archive, job.folder)
                return _with_revision(record)
            except errors.RayError as error:  # may be an instance of its cause as well
                if self._cancelled:
                    raise Cancelled from None
                if not isinstance(error, lost):
                    return self._failed_record(error)
                why = f"{type(error).__name__}, attempt {attempt} of {ATTEMPTS}"
                notify({"event": "note", "note": f"its node was lost ({why})"})
            except ValueError as error:
                return failed(str(error))
        return failed(f"Its node was lost {ATTEMPTS} times.")

    def _failed_record(self, error: Exception) -> dict[str, Any]:
        """Return the record of a failed task. Raises OSError if the cluster itself failed."""
        errors = self._ray.exceptions
        if isinstance(error, errors.OutOfMemoryError):
            return failed(f"{ADVICE} (Ray ended the task to protect its node.)")
        if isinstance(error, errors.RayTaskError):
            return failed(f"On its node: {type(error.cause).__name__}: {error.cause}")
        raise OSError(f"The Ray cluster failed: {type(error).__name__}: {error}") from error

    def _request(self, job: Job, name: str) -> tuple[dict[str, Any], bytes]:
        """Return the node's answer; pack and send the dataset if the node lacks it."""
        files = [*job.imports, *([job.teacher / MODEL] if job.teacher else [])]
        call = (job, self._threads, {path: path.read_bytes() for path in files}, name)
        # In a list, since Ray would fetch a plain reference before the task starts.
        sent = self._archives.get(job.dataset)
        answer = self._submit(call, [sent] if sent is not None else [])
        if answer is None:
            answer = self._submit(call, [self._archive(job.dataset)])
        assert answer is not None, "a node asked for a dataset that was sent"
        return answer

    def _submit(self, call: tuple[Any, ...], archive: list[Any]) -> Any:
        with self._lock:
            if self._cancelled:
                raise Cancelled
            reference = self._task_for(call[0].cell.replicas).remote(*call, archive, self._mailbox)
            self._running.add(reference)
        try:
            return self._ray.get(reference)
        finally:
            with self._lock:
                self._running.discard(reference)

    def _task_for(self, replicas: int) -> Any:
        """Return the task, with as many GPUs as devices that share a batch of the cell."""
        if replicas == 1 or not self._largest:
            return self._task
        if replicas > self._largest:
            raise ValueError(
                f"--replicas must not exceed the GPUs of the largest node, {self._largest:g}, "
                f"got {replicas}."
            )
        return self._task.options(num_gpus=replicas)

    def _archive(self, dataset: Path) -> Any:
        with self._packing:
            if dataset not in self._archives:
                self._archives[dataset] = self._ray.put(pack(dataset, FILES))
            return self._archives[dataset]

    def _collect(self) -> None:
        """Forward the latest event of each cell, until `close`."""
        while not self._ended.wait(_POLL):
            try:
                latest = self._ray.get(self._mailbox.take.remote(), timeout=10 * _POLL)
            except Exception:  # Its node or the cluster was lost; only progress is missed.
                continue
            with self._lock:
                observers = {name: self._handlers.get(name) for name in latest}
            for name, notify in observers.items():
                if notify is not None:
                    notify(latest[name])


def divide_cluster(
    nodes: Sequence[Mapping[str, float]], jobs: int | None
) -> tuple[int, int, float]:
    """Divide a cluster: return the number of concurrent cells, and the CPUs and GPUs of each.

    Args:
        nodes: "CPU" and "GPU" of each node, as Ray counts them.
        jobs: requested number of concurrent cells; None for as many as fit.

    Raises:
        ValueError: no node has a CPU.
    """
    able = [node for node in nodes if node.get("GPU", 0) >= 1 and node.get("CPU", 0) >= 1]
    if not able:
        return _divide_cores([int(node.get("CPU", 0)) for node in nodes], jobs)
    gpus = int(sum(node["GPU"] for node in able))
    at_once = math.ceil((jobs or gpus) / gpus)  # cells on one GPU
    cpus = min(int(node["CPU"] // (node["GPU"] * at_once)) for node in able)
    return jobs or gpus, max(cpus, 1), 1 / at_once


def _divide_cores(cores: Sequence[int], jobs: int | None) -> tuple[int, int, float]:
    cores = [n for n in cores if n]
    if not cores:
        raise ValueError("The Ray cluster must have a node with a CPU, got none. Add a node.")
    if jobs is None:
        cpus = min(_CORES, *cores)
        return sum(n // cpus for n in cores), cpus, 0.0
    # The largest number of cores per cell with which all jobs fit; at least one.
    fits = [c for c in range(1, max(cores) + 1) if sum(n // c for n in cores) >= jobs]
    return jobs, max(fits, default=1), 0.0


class _Mailbox:
    """An actor that keeps the latest event of each cell until `take` is called."""

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
    """Run one cell; this is its Ray task."""
    import ray

    def fetch() -> bytes:
        return ray.get(archive[0])

    def notify(event: Mapping[str, Any]) -> None:
        mailbox.put.remote(name, event)

    return work(job, threads, sent, fetch if archive else None, notify)


def _with_revision(record: dict[str, Any]) -> dict[str, Any]:
    """Add the revision: a node has the code of this machine, but not its repository."""
    provenance = record.get("provenance")
    if provenance is not None and provenance.get("revision") is None:
        provenance["revision"] = revision()
    return record


def _connect(address: str) -> Any:
    """Connect to the cluster and return the module `ray`."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise ValueError(
            f"--executor ray needs Ray ({error}). "
            "Install it with: pip install 'attention-fer[cluster]'"
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
            "`ray start --address HEAD:6379` on each further machine, or set --ray-address."
        ) from error
    return ray
