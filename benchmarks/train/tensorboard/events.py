"""Writes the event file of a run, which TensorBoard reads."""

from __future__ import annotations

import time
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
