"""Pictures on their way through a predictor, with progress and drawings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from attention_fer.common.progress import Track, untracked
from attention_fer.predict.defaults import BATCH
from attention_fer.predict.frames import Frame, grouped
from attention_fer.predict.pictures import FoundPictures
from attention_fer.predict.predictor import Predictor
from attention_fer.predict.rows import FaceRow

Group = list[tuple[Frame, list[FaceRow]]]
"""Pictures that went through the network together, each with its rows."""


@dataclass(frozen=True)
class PictureRun:
    """What there is to do.

    Attributes:
        predictor: turns pictures into rows.
        found: the pictures.
        annotate: folder of drawings; None for none.
        quiet: whether to show no progress.
    """

    predictor: Predictor
    found: FoundPictures
    annotate: Path | None = None
    quiet: bool = False

    def groups(self, done: int = 0) -> Iterator[Group]:
        """Predicts the pictures after the first `done`, and draws on them.

        Groups are the same whether or not an earlier run did some of them.
        """
        left = self.found.pictures[done:]
        with _progress(self.quiet or len(left) < 2) as track:
            frames = (picture.frame() for picture in left)
            tracked = track(frames, "predicting", len(self.found.pictures), done)
            for group in grouped(tracked, BATCH):
                answered = list(zip(group, self.predictor.rows(group), strict=True))
                self._draw(answered)
                yield answered

    def _draw(self, group: Group) -> None:
        if self.annotate is None:
            return
        from attention_fer.predict.drawing import write_annotated

        for frame, rows in group:
            if frame.pixels is not None:
                write_annotated(self.annotate, frame.name, frame.pixels, rows)


@contextmanager
def _progress(quiet: bool) -> Iterator[Track]:
    if quiet:
        yield untracked
        return
    from attention_fer.common.console import plain_console
    from attention_fer.common.progress import progress

    with progress(plain_console(stderr=True), "pictures") as track:
        yield track
