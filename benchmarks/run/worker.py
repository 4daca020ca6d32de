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
from typing import Any

from benchmarks.run.executors.base import ADVICE, FULL, failed

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
    # What it waited for its job, while another cell trained, is no time of this cell.
    job = {**json.loads(line), "imported": imported, "received": time.monotonic()}
    threading.Thread(target=_end_with_the_runner, daemon=True).start()

    def notify(kind: str, **content: Any) -> None:
        events.write(json.dumps({"event": kind, **content}) + "\n")
        events.flush()

    notify("record", record=_record(job, notify))
    return 0


def _record(job: dict[str, Any], notify: Callable[..., None]) -> dict[str, Any]:
    try:
        _log_to(job["log"])
        notify("stage", stage="start")
        return _work(job, notify)
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


def _log_to(path: str) -> None:
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def _work(job: dict[str, Any], notify: Callable[..., None]) -> dict[str, Any]:
    # Imported here so that what fails on import is a failed cell with a reason.
    from benchmarks.plan.cell import Cell
    from benchmarks.results.provenance import provenance
    from benchmarks.train import devices
    from benchmarks.train.cell import Order, train
    from benchmarks.train.multiply_adds import cost
    from preprocessing.dataset.folder import Dataset

    cell, execution = Cell.from_spec(job["spec"]), devices.Execution(**job["execution"])
    devices.prepare(execution, cell.settings)
    if job["table"] is not None:
        _load_table(job["table"], cell.code)
    dataset = Dataset.open(job["dataset"])
    if job["reference"] is not None:
        reference = Cell.from_spec(job["reference"])
        found = cost(cell, reference, dataset.images.shape[1:], len(dataset.classes))
        return {"status": "done", "cost": found, "provenance": provenance()}
    start = round(job["imported"] + time.monotonic() - job["received"], 3)
    teacher = None if job["teacher"] is None else Path(job["teacher"])
    order = Order(cell, dataset, Path(job["folder"]), notify, execution, teacher, job["keep"])
    result = train(order)
    result["timing"] = {"start": start, **result["timing"]}
    origin = {**provenance(), "synthetic": dataset.synthetic}
    record = {"status": "done", **result, "provenance": origin}
    json.dumps(record, allow_nan=False)  # A number that is not finite is a failure, told here.
    return record


def _load_table(path: str, code: str) -> None:
    """Registers what a user's table registers."""
    from benchmarks.plan import user_table

    if (found := user_table.digest(path)) != code:
        raise ValueError(
            f"{path} has changed since this table was planned: it hashes to {found}, the cell's "
            f"to {code}."
        )
    user_table.load(path)


def _end_with_the_runner() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
