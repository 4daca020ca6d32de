"""The two runs of a cell: its curves, and what was measured of it once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.train.tensorboard.writer import Value, Writer, open_writer

# A run of its own, because the HParams tab takes every scalar of a session for a metric.
RESULT = "test"
# Hashes, and what the settings have taken in.
HIDDEN = ("fingerprint", "split", "recipe", "code", "changes")


@dataclass(frozen=True)
class Session:
    """The open event files of a cell.

    Attributes:
        curves: run of what changes from epoch to epoch.
        result: run of the measurement on the test part, a session of the HParams tab.
    """

    curves: Writer
    result: Writer


@contextmanager
def session(folder: Path, spec: Mapping[str, Any]) -> Iterator[Session]:
    """Event files in `folder` for the cell of `spec`; an exception inside makes it a failed one.

    Args:
        folder: made where it is missing.
        spec: of the cell, see `Cell.spec`; its `backend` decides who writes.
    """
    with ExitStack() as files:
        curves = files.enter_context(closing(open_writer(folder, spec["backend"])))
        result = files.enter_context(closing(open_writer(folder / RESULT, spec["backend"])))
        result.begin(flat(spec))
        result.flush()
        try:
            yield Session(curves, result)
        except BaseException:
            result.end(done=False)
            raise
        result.end(done=True)


def flat(spec: Mapping[str, Any]) -> dict[str, Value]:
    """The hyperparameters of a spec, the settings beside the rest; without those that are None.

    What a row of the table configures has its kind before its name: `config.reduction_ratio`.
    """
    values: dict[str, Any] = {"fold": 0}
    for key, content in spec.items():
        if key in HIDDEN:
            continue
        if isinstance(content, Mapping):
            before = "" if key == "settings" else f"{key}."
            values |= {f"{before}{name}": value for name, value in content.items()}
        else:
            values[key] = content
    return {k: v if isinstance(v, Value) else str(v) for k, v in values.items() if v is not None}
