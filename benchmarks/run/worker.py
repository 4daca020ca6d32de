"""The process of one cell: `python -m benchmarks.run.worker`, started by an executor.

It imports the framework, reads its job as a line of JSON from standard input, writes events as
lines of JSON to standard output, and ends when its runner does: standard input closes with the
runner, however that dies.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.run.executors.base import ADVICE, FULL, LOG, failed

if TYPE_CHECKING:
    from benchmarks.plan.job import Job

# How the backends, NumPy and the system say that memory ran out.
_STARVED = (
    "memoryerror",
    "out of memory",
    "outofmemory",
    "resource_exhausted",
    "resourceexhausted",
    "unable to allocate",
    "cannot allocate memory",
    "bad_alloc",
)


def main() -> int:
    """Trains the cell of the job and reports its record."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # Libraries print as they like; from here on that goes to the log, not among the events.
    os.dup2(2, 1)
    began = time.monotonic()
    with contextlib.suppress(Exception):  # What fails here fails again below, with a reason.
        _import_framework()
    imported = time.monotonic() - began
    line = sys.stdin.readline()
    if not line:
        return 1  # The runner is gone, or needed no further cell.
    received = time.monotonic()
    threading.Thread(target=_end_with_the_runner, daemon=True).start()

    def notify(kind: str, **content: Any) -> None:
        events.write(json.dumps({"event": kind, **content}) + "\n")
        events.flush()

    def start() -> float:
        # The time it waited for its job, while another cell trained, does not count.
        return round(imported + time.monotonic() - received, 3)

    notify("record", record=_record(line, notify, start))
    return 0


def _record(line: str, notify: Callable[..., None], start: Callable[[], float]) -> dict[str, Any]:
    try:
        from benchmarks.plan.job import Job

        job = Job.from_json(line)
        _log_to(job.folder / LOG)
        notify("stage", stage="start")
        return _work(job, notify, start)
    except Exception as error:
        # Whatever is wrong with one cell is that cell's result; the table goes on.
        with contextlib.suppress(OSError):  # The log may be what found no room.
            traceback.print_exc()
        record = failed(reason(error))
        # The runner ends the run where the disk is full.
        number = _number(error)
        return record if number is None else {**record, "errno": number}


def _number(error: BaseException) -> int | None:
    """The system's number of an error; TensorFlow's own errors only have its words."""
    if isinstance(error, OSError):
        return error.errno
    return next((number for number in FULL if os.strerror(number) in str(error)), None)


def reason(error: BaseException) -> str:
    """Why a cell failed, in a line: the error, or want of memory and what helps."""
    text = f"{type(error).__name__}: {error}"
    if any(word in text.lower() for word in _STARVED):
        lines = [line for line in text.splitlines() if any(w in line.lower() for w in _STARVED)]
        return f"{ADVICE} ({(lines or [text])[0][:200]})"
    return text


def _import_framework() -> None:
    import keras  # noqa: F401

    import benchmarks.train.cell  # noqa: F401


def _log_to(path: Path) -> None:
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def _work(job: Job, notify: Callable[..., None], start: Callable[[], float]) -> dict[str, Any]:
    # Imported here so that what fails on import is a failed cell with a reason.
    from benchmarks.results.provenance import provenance
    from benchmarks.train import devices
    from benchmarks.train.cell import train
    from benchmarks.train.cost import cost
    from preprocessing.dataset import Dataset

    devices.prepare(job.execution, job.cell.settings)
    _import_files(job)
    dataset = Dataset.open(job.dataset)
    if job.reference is not None:
        found = cost(job.cell, job.reference, dataset.images.shape[1:], len(dataset.classes))
        return {"status": "done", "cost": found, "provenance": provenance()}
    started = start()
    result = train(job, dataset, notify)
    result["timing"] = {"start": started, **result["timing"]}
    origin = {**provenance(), "synthetic": dataset.synthetic}
    record = {"status": "done", **result, "provenance": origin}
    json.dumps(record, allow_nan=False)  # A number that is not finite fails the cell here.
    return record


def _import_files(job: Job) -> None:
    """Registers what the user's files register."""
    from attention_fer.common.imports import import_file
    from benchmarks.plan.user_files import digest

    if job.imports and (found := digest(job.imports)) != job.cell.code:
        raise ValueError(
            f"{', '.join(map(str, job.imports))} changed after this table was planned: the hash is "
            f"{found} now, the cell's is {job.cell.code}. Run the command again."
        )
    for path in job.imports:
        import_file(path)


def _end_with_the_runner() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
