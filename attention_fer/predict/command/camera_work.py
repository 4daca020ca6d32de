"""Runs a camera through a predictor until its time is over or somebody stops it."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from threading import Event
from typing import Any

from attention_fer.predict.command import show
from attention_fer.predict.command.work import Group
from attention_fer.predict.drawing import annotated
from attention_fer.predict.predictor import Predictor
from attention_fer.predict.tables.draft import StoredPicture
from attention_fer.predict.video.annotating import annotated_video
from attention_fer.predict.video.cameras import Capture, LatestFrames
from attention_fer.predict.video.following import Follower
from attention_fer.predict.video.window import Window

_RATE = 30.0  # of the annotated video, in which frames are repeated as needed


@dataclass(frozen=True)
class CameraWork:
    """A camera, see `work.PredictionWork`.

    Attributes:
        predictor: turns frames into rows.
        capture: the opened camera.
        name: what the column `input` says.
        smooth: time constant in seconds; None for no smoothing.
        seconds: how long to go on; None until it is stopped.
        annotate: an annotated video to write, or None.
        started: when, in UTC.
    """

    predictor: Predictor
    capture: Capture
    name: str
    smooth: float | None
    seconds: float | None
    annotate: Path | None
    started: str
    unit: str = "frames"

    @property
    def smoothed(self) -> bool:
        """See `work.PredictionWork`."""
        return self.smooth is not None

    def identity(self) -> str:
        """See `work.PredictionWork`. Camera pictures cannot be taken again."""
        return self.started

    def settings(self) -> Mapping[str, Any]:
        """See `work.PredictionWork`."""
        return {"smooth": self.smooth, "seconds": self.seconds, "started": self.started}

    def groups(self, done: int = 0, stored: Iterable[StoredPicture] = ()) -> Iterator[Group]:
        """See `work.PredictionWork`. Control-C ends it, or closing the window."""
        follow = Follower(self.smooth)
        with ExitStack() as stack:
            stop = stack.enter_context(_stopped_by_user())
            window = _window(self.name)
            if window:
                stack.callback(window.close)
            video = stack.enter_context(annotated_video(self.annotate, _RATE))
            latest = stack.enter_context(LatestFrames(self.capture, self.name))
            for frame in latest.frames(self.seconds):
                (rows,) = map(follow, self.predictor.rows([frame]))
                if window and frame.pixels is not None:
                    window.show(annotated(frame.pixels, rows, numbers=True))
                if video:
                    video.add(frame, rows)
                yield [(frame, rows)]
                if stop.is_set() or (window and window.closed):
                    return


def now() -> str:
    """Returns the time as text, in UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


def _window(title: str) -> Window | None:
    try:
        return Window(title)
    except RuntimeError as error:
        show.note(f"no window: {error}")
        return None


@contextmanager
def _stopped_by_user() -> Iterator[Event]:
    """Yields an event that the first Control-C or SIGTERM sets; the second ends the process.

    Camera pictures cannot be taken again, so only a kill may lose the table.
    """
    stop = Event()
    before: dict[int, Any] = {}

    def first(*given: object) -> None:
        stop.set()
        back()

    def back() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, first)
    try:
        yield stop
    finally:
        back()
