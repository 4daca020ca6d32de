"""The TensorBoard run of a cell: its curves, its hyperparameters and its test result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.train.tensorboard import pictures
from benchmarks.train.tensorboard.events import EventWriter, Value

# Hashes, and what the settings already include.
HIDDEN = ("fingerprint", "split", "recipe", "code", "changes")
# Metrics of the test part and their tags. The HParams tab takes every scalar of a run for a metric
# and shows the first ones in alphabetical order, so that the accuracy must come first.
METRICS = {
    "accuracy": "accuracy/test",
    "loss": "loss/test",
    "macro_f1": "macro_f1/test",
    "parameters": "parameters",
}


@contextmanager
def session(folder: Path, spec: Mapping[str, Any]) -> Iterator[EventWriter]:
    """Opens the event file of a cell in `folder`; an exception inside marks the cell as failed.

    Args:
        folder: created if missing; TensorBoard names the run after it.
        spec: spec of the cell, see `Cell.spec`.
    """
    with closing(EventWriter(folder)) as writer:
        writer.begin(flat(spec))
        writer.flush()
        try:
            yield writer
        except BaseException:
            writer.end(done=False)
            raise
        writer.end(done=True)


def write_result(
    writer: EventWriter,
    *,
    classes: Sequence[str],
    images: np.ndarray,
    labels: np.ndarray,
    probabilities: np.ndarray,
    spec: Mapping[str, Any],
    metrics: Mapping[str, Any],
    step: int,
) -> None:
    """Writes metrics, confusion matrix, most confident errors and a description of the cell.

    Args:
        writer: writer of the cell, see `session`.
        classes: names, by number.
        images: uint8 of shape (n, height, width, channels), the test part.
        labels: (n,), true classes.
        probabilities: (n, classes).
        spec: spec of the cell.
        metrics: metrics of the cell, with those in `METRICS`.
        step: the epoch whose weights were tested.
    """
    for name, tag in METRICS.items():
        writer.scalar(tag, float(metrics[name]), step)
    predicted = probabilities.argmax(axis=1)
    writer.image("test/confusion", pictures.confusion(labels, predicted, classes), step)
    writer.image("test/mistakes", pictures.errors(images, labels, probabilities, classes), step)
    writer.text("cell", _description(spec, classes), step)
    writer.flush()


def flat(spec: Mapping[str, Any]) -> dict[str, Value]:
    """Return the hyperparameters of a spec, settings included, without None and empty lists.

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
    given = {key: value for key, value in values.items() if value not in (None, "", (), [])}
    return {k: v if isinstance(v, Value) else str(v) for k, v in given.items()}


def _description(spec: Mapping[str, Any], classes: Sequence[str]) -> str:
    """A Markdown table of the settings, and the classes by number."""
    # File names that are not UTF-8 contain lone surrogates, which event files cannot hold.
    named = [name.encode("utf-8", "replace").decode() for name in classes]
    rows = [*flat(spec).items(), *((f"class {n}", name) for n, name in enumerate(named))]
    return "\n".join(["| | |", "| --- | --- |", *(f"| {key} | {value} |" for key, value in rows)])
