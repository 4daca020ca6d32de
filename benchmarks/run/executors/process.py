"""The process of one cell, `benchmarks.run.worker`, seen from the one that started it."""

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
from benchmarks.plan import execution as executions
from benchmarks.plan.execution import Execution
from benchmarks.plan.job import Job
from benchmarks.run.executors.base import ADVICE, FULL, LOG, Notify, failed

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
    """A cell's process, which imports what it needs and waits for its job.

    Args:
        environment: its environment variables.
    """

    def __init__(self, environment: Mapping[str, str]):
        self.environment = dict(environment)
        # What it says before it has a working folder.
        self._early = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-c", START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._early,
            text=True,
            encoding="utf-8",
            env=self.environment,
            # Ctrl-C is for the runner: a worker that got it too would pass for a failed cell.
            start_new_session=True,
        )

    def run(self, job: Job, notify: Notify) -> dict[str, Any]:
        """Hands the job over, passes events on and returns the record.

        Raises:
            OSError: there is no room for what the cell writes.
        """
        try:
            record = self._talk(job, notify)
            status = self._process.wait()
            if record is None:
                return failed(_last_words(status, self._said(job.folder / LOG)))
            _check_room(record)
            return record
        finally:
            self._close()

    def kill(self) -> None:
        """Ends the process at once."""
        self._process.kill()

    def discard(self) -> None:
        """Ends a process that is not needed."""
        self.kill()
        self._process.wait()
        self._close()

    def alive(self) -> bool:
        return self._process.poll() is None

    def _talk(self, job: Job, notify: Notify) -> dict[str, Any] | None:
        assert self._process.stdin is not None and self._process.stdout is not None
        record = None
        # It may die before it reads its job; its exit status and its log say why.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(job.to_json() + "\n")
            self._process.stdin.flush()
        for event in _events(self._process.stdout):
            if event["event"] == "record":
                record = event["record"]
            else:
                notify(event)
        return record

    def _said(self, log: Path) -> str:
        with contextlib.suppress(FileNotFoundError):
            if text := log.read_text(encoding="utf-8", errors="replace").strip():
                return text
        self._early.seek(0)
        return self._early.read().decode("utf-8", errors="replace").strip()

    def _close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._early.close()


def environment(
    backend: str, threads: int, execution: Execution, gpus: Sequence[str] | None = None
) -> dict[str, str]:
    """Environment of a cell's process: its backend, its share of the machine, a quiet log.

    Args:
        backend: Keras backend.
        threads: processor cores it may use.
        execution: how it is computed.
        gpus: names or numbers of the GPUs it may see; None for all.
    """
    own = {**executions.environment(backend, execution), "KERAS_BACKEND": backend}
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
            continue  # A line cut short by the death of the process.


def _check_room(record: dict[str, Any]) -> None:
    number = record.pop("errno", None)
    if number in FULL:
        raise OSError(number, f"{os.strerror(number)} while a cell wrote its results")


def _last_words(status: int, log: str) -> str:
    how = f"signal {-status}" if status < 0 else f"exit status {status}"
    # The system kills what takes too much memory; C++ libraries abort without it.
    starved = status == -9 or "bad_alloc" in log
    hint = f" Perhaps: {ADVICE}" if starved else ""
    return f"The process ended with {how}.{hint} {log.rpartition(chr(10))[2]}".strip()
