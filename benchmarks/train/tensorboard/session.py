"""The two TensorBoard runs of a cell: its curves, and its test result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.train.tensorboard.writer import EventWriter, Value

# A separate run, because the HParams tab takes every scalar of a session for a metric.
RESULT = "test"
# Hashes, and what the settings already include.
HIDDEN = ("fingerprint", "split", "recipe", "code", "changes")


@dataclass(frozen=True)
class Session:
    """The open event files of a cell.

    Attributes:
        curves: run of the values of each epoch.
        result: run of the result on the test part, a session of the HParams tab.
    """

    curves: EventWriter
    result: EventWriter


@contextmanager
def session(folder: Path, spec: Mapping[str, Any]) -> Iterator[Session]:
    """Opens event files in `folder` for a cell; an exception inside marks it as failed.

    Args:
        folder: created if missing.
        spec: of the cell, see `Cell.spec`.
    """
    with ExitStack() as files:
        curves = files.enter_context(closing(EventWriter(folder)))
        result = files.enter_context(closing(EventWriter(folder / RESULT)))
        result.begin(flat(spec))
        result.flush()
        try:
            yield Session(curves, result)
        except BaseException:
            result.end(done=False)
            raise
        result.end(done=True)


def flat(spec: Mapping[str, Any]) -> dict[str, Value]:
    """Return the hyperparameters of a spec, settings included, without those that are None.

    The options of a table's row have their kind as prefix: `config.reduction_ratio`.
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
