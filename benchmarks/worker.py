"""The process of one cell: `python -m benchmarks.worker`, started by the runner.

It reads its job as a line of JSON from standard input, writes events as lines of JSON to standard
output, and ends when the runner does: standard input closes with the runner, however that dies.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from pathlib import Path
from typing import Any


def main() -> int:
    """Trains the cell of the job and leaves its record in the job's folder."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # Libraries print as they like; from here on that goes to the log, not among the events.
    os.dup2(2, 1)
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_runner, daemon=True).start()

    def notify(kind: str, **content: Any) -> None:
        events.write(json.dumps({"event": kind, **content}) + "\n")
        events.flush()

    try:
        notify("stage", stage="start")
        record = _work(job, notify)
    except Exception as error:
        # Whatever is wrong with one cell is that cell's result; the table goes on.
        traceback.print_exc()
        record = {"status": "failed", "error": f"{type(error).__name__}: {error}"}
    notify("record", record=record)
    return 0


def _work(job: dict[str, Any], notify: Any) -> dict[str, Any]:
    _prepare_backend(job["spec"]["settings"])
    # Imported here so that what fails on import is a failed cell with a reason.
    from benchmarks.cells import Cell
    from benchmarks.provenance import provenance
    from benchmarks.train import train
    from preprocessing.dataset import Dataset

    cell = Cell.from_spec(job["spec"])
    dataset = Dataset.open(job["dataset"])
    result = train(cell, dataset, Path(job["folder"]), notify)
    origin = {**provenance(), "synthetic": dataset.synthetic}
    record = {"status": "done", **result, "provenance": origin}
    json.dumps(record, allow_nan=False)  # A number that is not finite is a failure, told here.
    return record


def _prepare_backend(settings: dict[str, Any]) -> None:
    import keras

    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    for device in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(device, True)
    if settings["epochs"] <= 5:
        # The graph optimiser takes longer on a deep network than it saves in so short a run.
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def _end_with_the_runner() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
