"""Event files of one content: through TensorFlow where it computes, else through tensorboardX."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.api_pb2 import Status
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData, SessionEndInfo
from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata

Value = str | bool | int | float


class Writer(ABC):
    """Writes one run, that is a folder, of TensorBoard.

    The records are made here, for both implementations: `tf.summary.scalar` and its like need the
    package tensorboard, which TensorFlow does not require.
    """

    def scalar(self, tag: str, value: float, step: int) -> None:
        """A point of a curve, stored as float32."""
        self._put(summary.scalar(tag, value), step)

    def image(self, tag: str, pixels: np.ndarray, step: int) -> None:
        """A picture, uint8 of shape (height, width, 3)."""
        self._put(summary.image(tag, pixels, dataformats="HWC"), step)

    def text(self, tag: str, markdown: str, step: int) -> None:
        """Markdown, under `<tag>/text_summary`."""
        self._put(summary.text(tag, markdown), step)

    def begin(self, hparams: Mapping[str, Value]) -> None:
        """Makes this run a session of the HParams tab.

        No experiment is described: TensorBoard then collects the columns and their values from the
        sessions that are there, and the metrics from the scalars of this run.
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

    @abstractmethod
    def _put(self, record: Summary, step: int) -> None:
        """Appends one record."""

    @abstractmethod
    def flush(self) -> None:
        """Brings everything written so far to the disk."""

    @abstractmethod
    def close(self) -> None:
        """Flushes and closes the file; a second time does nothing."""


class TensorFlowWriter(Writer):
    """Through `tf.summary`."""

    def __init__(self, folder: Path):
        import tensorflow as tf

        self._write = tf.summary.experimental.write_raw_pb
        self._file = tf.summary.create_file_writer(str(folder))

    def _put(self, record: Summary, step: int) -> None:
        with self._file.as_default():
            self._write(record.SerializeToString(), step)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class TensorBoardXWriter(Writer):
    """Through tensorboardX, without its thread: a full disk is told to who writes."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._file: EventsWriter | None = EventsWriter(str(folder / "events"))

    def _put(self, record: Summary, step: int) -> None:
        if self._file is None:
            raise RuntimeError("This event file is closed.")
        self._file.write_event(Event(summary=record, step=step, wall_time=time.time()))

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


def open_writer(folder: Path, backend: str) -> Writer:
    """A writer of the run `folder`, for a process that computes with Keras's `backend`."""
    return TensorFlowWriter(folder) if backend == "tensorflow" else TensorBoardXWriter(folder)
