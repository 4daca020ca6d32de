"""The two TensorBoard runs of a cell: its curves, and its test result."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.api_pb2 import Status
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData, SessionEndInfo
from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata

from benchmarks.train.tensorboard import pictures

Value = str | bool | int | float

# A separate run, because the HParams tab takes every scalar of a session for a metric.
RESULT = "test"
# Hashes, and what the settings already include.
HIDDEN = ("fingerprint", "split", "recipe", "code", "changes")
# The metrics that the HParams tab compares.
METRICS = ("accuracy", "macro_f1", "loss", "parameters")


class EventWriter:
    """Writes one run of TensorBoard, which is a folder.

    It uses tensorboardX without its thread, so that a full disk raises in the caller. It needs
    neither TensorFlow nor the package tensorboard.

    Args:
        folder: created if missing.
    """

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._file: EventsWriter | None = EventsWriter(str(folder / "events"))

    def scalar(self, tag: str, value: float, step: int) -> None:
        """Writes a point of a curve, stored as float32."""
        self._put(summary.scalar(tag, value), step)

    def image(self, tag: str, pixels: np.ndarray, step: int) -> None:
        """Writes a picture, uint8 of shape (height, width, 3)."""
        self._put(summary.image(tag, pixels, dataformats="HWC"), step)

    def text(self, tag: str, markdown: str, step: int) -> None:
        """Writes Markdown, under `<tag>/text_summary`."""
        self._put(summary.text(tag, markdown), step)

    def begin(self, hparams: Mapping[str, Value]) -> None:
        """Makes this run a session of the HParams tab.

        No experiment is described: TensorBoard then takes the columns and their values from the
        sessions it finds, and the metrics from the scalars of this run.
        """
        _, start, _ = summary.hparams(dict(hparams), {})
        self._put(start, 0)

    def end(self, *, done: bool) -> None:
        """Ends the session, as a success or as a failure."""
        status = Status.Value("STATUS_SUCCESS" if done else "STATUS_FAILURE")
        info = SessionEndInfo(status=status, end_time_secs=time.time())
        content = HParamsPluginData(version=0, session_end_info=info).SerializeToString()
        data = SummaryMetadata.PluginData(plugin_name="hparams", content=content)
        value = Summary.Value(
            tag="_hparams_/session_end_info", metadata=SummaryMetadata(plugin_data=data)
        )
        self._put(Summary(value=[value]), 0)

    def flush(self) -> None:
        """Writes everything so far to the disk."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Flushes and closes the file; a second time does nothing."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _put(self, record: Summary, step: int) -> None:
        if self._file is None:
            raise RuntimeError("This event file is closed.")
        self._file.write_event(Event(summary=record, step=step, wall_time=time.time()))


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
        writer: of the cell's result, see `Session`.
        classes: names, by number.
        images: uint8 of shape (n, height, width, channels), the test part.
        labels: (n,), true classes.
        probabilities: (n, classes).
        spec: of the cell.
        metrics: of the cell, with those in `METRICS`.
        step: the epoch whose weights were tested.
    """
    for name in METRICS:
        writer.scalar(f"test/{name}", float(metrics[name]), step)
    predicted = probabilities.argmax(axis=1)
    writer.image("test/confusion", pictures.confusion(labels, predicted, classes), step)
    writer.image("test/mistakes", pictures.errors(images, labels, probabilities, classes), step)
    writer.text("cell", _description(spec, classes), step)
    writer.flush()


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


def _description(spec: Mapping[str, Any], classes: Sequence[str]) -> str:
    """A Markdown table of the settings, and the classes by number."""
    # File names that are not UTF-8 contain lone surrogates, which event files cannot hold.
    named = [name.encode("utf-8", "replace").decode() for name in classes]
    rows = [*flat(spec).items(), *((f"class {n}", name) for n, name in enumerate(named))]
    return "\n".join(["| | |", "| --- | --- |", *(f"| {key} | {value} |" for key, value in rows)])
