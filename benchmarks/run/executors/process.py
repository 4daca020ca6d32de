"""Starts the process of one cell, `benchmarks.run.worker`, and exchanges messages with it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import benchmarks
from benchmarks.plan.job import Execution, Job, backend_environment
from benchmarks.run.executors import ADVICE, FULL, LOG, EventHandler, failed

# Starts the worker. `-m` would first look for our packages in the current folder and on
# `PYTHONPATH`, where a user's own `preprocessing.py` would shadow ours; Python 3.10 has no `-P`.
START = f"""\
import sys
if sys.path[0] == "":
    del sys.path[0]
sys.path.insert(0, {str(Path(benchmarks.__file__).resolve().parents[1])!r})
import attention_fer, benchmarks, preprocessing
del sys.path[0]
from benchmarks.run.worker import main
sys.exit(main())
"""


class Process:
    """A cell's process, which imports the framework and waits for its job.

    Args:
        environment: environment variables of the process.
    """

    def __init__(self, environment: Mapping[str, str]):
        self.environment = dict(environment)
        # Output before the process has a working folder.
        self._early_log = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-c", START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._early_log,
            text=True,
            encoding="utf-8",
            env=self.environment,
            # Ctrl-C is for the runner; a worker that received it too would look like a failed cell.
            start_new_session=True,
        )

    def run(self, job: Job, notify: EventHandler) -> dict[str, Any]:
        """Send the job, forward events and return the record.

        Raises:
            OSError: the disk is too full for the cell's output.
        """
        try:
            record = self._exchange(job, notify)
            status = self._process.wait()
            if record is None:
                return failed(_explain_death(status, self._read_log(job.folder / LOG)))
            _raise_if_full(record)
            return record
        finally:
            self._close()

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()

    def discard(self) -> None:
        """End a process that is not needed."""
        self.kill()
        self._process.wait()
        self._close()

    def alive(self) -> bool:
        return self._process.poll() is None

    def _exchange(self, job: Job, notify: EventHandler) -> dict[str, Any] | None:
        assert self._process.stdin is not None and self._process.stdout is not None
        record = None
        # The process may die before it reads its job; its exit status and log then say why.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(job.to_json() + "\n")
            self._process.stdin.flush()
        for event in _events(self._process.stdout):
            if event["event"] == "record":
                record = event["record"]
            else:
                notify(event)
        return record

    def _read_log(self, log: Path) -> str:
        with contextlib.suppress(FileNotFoundError):
            if text := log.read_text(encoding="utf-8", errors="replace").strip():
                return text
        self._early_log.seek(0)
        return self._early_log.read().decode("utf-8", errors="replace").strip()

    def _close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._early_log.close()


def environment(
    backend: str, threads: int, execution: Execution, gpus: Sequence[str] | None = None
) -> dict[str, str]:
    """Return the environment of a cell's process: backend, share of the machine, quiet log.

    Args:
        backend: Keras backend.
        threads: number of processor cores that the process may use.
        execution: how the cell is executed.
        gpus: names or numbers of the GPUs that the process may see; None for all.
    """
    own = {**backend_environment(backend, execution), "KERAS_BACKEND": backend}
    if gpus is not None:
        own["CUDA_VISIBLE_DEVICES"] = ",".join(gpus)
    shares = {
        "OMP_NUM_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": str(threads),
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return {**shares, **os.environ, **own, "PYTHONPATH": path}


def _events(lines: Any) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            continue  # The process died while writing this line.


def _raise_if_full(record: dict[str, Any]) -> None:
    number = record.pop("errno", None)
    if number in FULL:
        raise OSError(number, f"{os.strerror(number)} while a cell wrote its results")


def _explain_death(status: int, log: str) -> str:
    how = f"signal {-status}" if status < 0 else f"exit status {status}"
    # The system kills processes that use too much memory; C++ libraries abort without memory.
    starved = status == -9 or "bad_alloc" in log
    hint = f" Perhaps: {ADVICE}" if starved else ""
    return f"The process ended with {how}.{hint} {log.rpartition(chr(10))[2]}".strip()
