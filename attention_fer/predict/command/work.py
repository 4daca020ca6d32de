"""Runs pictures through a predictor, with progress and drawings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from attention_fer.common.progress import Track, untracked
from attention_fer.predict.defaults import BATCH
from attention_fer.predict.frames import Frame, grouped
from attention_fer.predict.pictures import FoundPictures
from attention_fer.predict.predictor import Predictor
from attention_fer.predict.rows import FaceRow
from attention_fer.predict.tables.draft import StoredPicture

Group = list[tuple[Frame, list[FaceRow]]]
"""Pictures that went through the network together, each with its rows."""


class PredictionWork(Protocol):
    """What there is to do."""

    @property
    def predictor(self) -> Predictor:
        """What turns pictures into rows."""

    @property
    def unit(self) -> str:
        """What the pictures are, for people."""

    @property
    def smoothed(self) -> bool:
        """Whether rows have smoothed values."""

    def identity(self) -> str:
        """Returns what changes with the files."""

    def settings(self) -> Mapping[str, Any]:
        """Returns what else the manifest records, JSON-serialisable."""

    def groups(self, done: int = 0, stored: Iterable[StoredPicture] = ()) -> Iterator[Group]:
        """Predicts the pictures after the first `done`, and draws on them.

        Groups are the same whether or not an earlier run did some of them.

        Args:
            done: pictures that an earlier run did.
            stored: these pictures, at first; read before the first group is yielded.
        """


@dataclass(frozen=True)
class PictureWork:
    """Photographs, see `PredictionWork`.

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
    unit: str = "files"
    smoothed: bool = False

    def identity(self) -> str:
        """See `PredictionWork`."""
        return self.found.identity

    def settings(self) -> Mapping[str, Any]:
        """See `PredictionWork`."""
        return {}

    def groups(self, done: int = 0, stored: Iterable[StoredPicture] = ()) -> Iterator[Group]:
        """See `PredictionWork`."""
        left = self.found.pictures[done:]
        with shown_progress(self.unit, self.quiet or len(left) < 2) as track:
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
def shown_progress(unit: str, quiet: bool) -> Iterator[Track]:
    """Yields what shows progress in `unit` on the screen, or nothing if `quiet`."""
    if quiet:
        yield untracked
        return
    from attention_fer.common.console import plain_console
    from attention_fer.common.progress import progress

    with progress(plain_console(stderr=True), unit) as track:
        yield track
