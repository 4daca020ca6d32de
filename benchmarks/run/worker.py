"""The process of one cell, started by an executor: `python -m benchmarks.run.worker`.

It imports the framework, reads its job as a line of JSON from standard input, and writes events as
lines of JSON to standard output. It ends with its runner: standard input closes when the runner
ends for any reason.
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

from attention_fer.common.errors import cause
from benchmarks.run.executors import ADVICE, FULL, LOG, failed

if TYPE_CHECKING:
    from benchmarks.plan.job import Job

# Words in the out-of-memory errors of the backends, NumPy and the system.
_MEMORY_ERRORS = (
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
    """Read a job, run it and report its record."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # Libraries print as they like; from here on that goes to the log, not among the events.
    os.dup2(2, 1)
    began = time.monotonic()
    with contextlib.suppress(Exception):  # An error here recurs below, where it is recorded.
        _import_framework()
    imported = time.monotonic() - began
    line = sys.stdin.readline()
    if not line:
        return 1  # The runner ended, or has no more cells.
    received = time.monotonic()
    threading.Thread(target=_exit_with_runner, daemon=True).start()

    def notify(kind: str, **content: Any) -> None:
        events.write(json.dumps({"event": kind, **content}) + "\n")
        events.flush()

    def start() -> float:
        # Without the time spent waiting for the job while another cell was trained.
        return round(imported + time.monotonic() - received, 3)

    notify("record", record=_run_job(line, notify, start))
    return 0


def _run_job(line: str, notify: Callable[..., None], start: Callable[[], float]) -> dict[str, Any]:
    try:
        from benchmarks.plan.job import Job

        job = Job.from_json(line)
        _redirect_output(job.folder / LOG)
        notify("stage", stage="start")
        return _execute(job, notify, start)
    except Exception as error:
        # An error in one cell becomes the record of that cell, and the run continues.
        with contextlib.suppress(OSError):  # The disk may be too full for the log.
            traceback.print_exc()
        record = failed(reason(error))
        # If the disk is full, the runner ends the run.
        number = _error_number(error)
        return record if number is None else {**record, "errno": number}


def _error_number(error: BaseException) -> int | None:
    """Return the errno of an error; errors of TensorFlow contain only its message."""
    if isinstance(error, OSError):
        return error.errno
    return next((number for number in FULL if os.strerror(number) in str(error)), None)


def reason(error: BaseException) -> str:
    """Return why a cell failed, with advice if it ran out of memory.

    Keras wraps an error in each layer around it; what it says begins with the error itself here.
    """
    text = f"{type(error).__name__}: {cause(error)}"
    if _is_memory_error(text):
        lines = [line for line in text.splitlines() if _is_memory_error(line)]
        return f"{ADVICE} ({(lines or [text])[0][:200]})"
    return text


def _is_memory_error(text: str) -> bool:
    return any(words in text.lower() for words in _MEMORY_ERRORS)


def _import_framework() -> None:
    import keras  # noqa: F401

    import benchmarks.train.cell  # noqa: F401


def _redirect_output(path: Path) -> None:
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def _execute(job: Job, notify: Callable[..., None], start: Callable[[], float]) -> dict[str, Any]:
    # Imported here, so that a failing import becomes the record of the cell.
    from benchmarks.results.copied import copied
    from benchmarks.results.provenance import provenance
    from benchmarks.train import devices
    from benchmarks.train.cell import train
    from benchmarks.train.cost import cost
    from benchmarks.train.network import is_plain
    from preprocessing.dataset import Dataset

    devices.prepare(job.execution, job.cell.settings)
    _import_files(job)
    dataset = Dataset.open(job.dataset)
    takes = (dataset.images.shape[1:], len(dataset.classes))
    if job.reference is not None:
        found = cost(job.cell, job.reference, *takes)
        return {"status": "done", "cost": found, "provenance": provenance()}
    if job.plain is not None and is_plain(job.cell, *takes):
        notify(
            "note",
            note="not trained, since one more channel would add too many parameters: its result is "
            f"that of {job.plain.name}",
        )
        return copied(job.plain, job.folder)
    started = start()
    result = train(job, dataset, notify)
    result["timing"] = {"start": started, **result["timing"]}
    origin = {**provenance(), "synthetic": dataset.synthetic}
    record = {"status": "done", **result, "provenance": origin}
    json.dumps(record, allow_nan=False)  # Fails for a number that is not finite.
    return record


def _import_files(job: Job) -> None:
    """Import the user's files, which register attention modules and backbones."""
    from attention_fer.common.imports import import_file
    from benchmarks.plan.user_files import digest

    if job.imports and (found := digest(job.imports)) != job.cell.code:
        raise ValueError(
            f"{', '.join(map(str, job.imports))} must not change during a run: the hash must be "
            f"{job.cell.code}, got {found}. Rerun the command."
        )
    for path in job.imports:
        import_file(path)


def _exit_with_runner() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
