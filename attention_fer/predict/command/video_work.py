"""Runs videos through a predictor: decodes them once, follows faces, draws on frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from attention_fer.common.progress import Track
from attention_fer.predict.command.show import plain
from attention_fer.predict.command.work import Group, shown_progress
from attention_fer.predict.defaults import BATCH
from attention_fer.predict.frames import GROUP_PIXELS
from attention_fer.predict.predictor import Predictor
from attention_fer.predict.rows import FaceRow
from attention_fer.predict.tables.draft import StoredPicture
from attention_fer.predict.video.annotating import annotated_video
from attention_fer.predict.video.choosing import FrameChoice
from attention_fer.predict.video.decoding import Decoded, VideoFile
from attention_fer.predict.video.following import Follower
from attention_fer.predict.video.opencv import import_opencv
from preprocessing.raw_files.files import state_of


@dataclass(frozen=True)
class VideoWork:
    """Videos, see `work.PredictionWork`.

    Attributes:
        predictor: turns frames into rows.
        videos: what to read.
        choice: which frames are analysed.
        smooth: time constant in seconds; None for no smoothing.
        drawings: the annotated video of each, by its name; none for the others.
        quiet: whether to show no progress.
    """

    predictor: Predictor
    videos: Sequence[VideoFile]
    choice: FrameChoice
    smooth: float | None
    drawings: Mapping[str, Path]
    quiet: bool
    unit: str = "frames"

    @property
    def smoothed(self) -> bool:
        """See `work.PredictionWork`."""
        return self.smooth is not None

    def identity(self) -> str:
        """See `work.PredictionWork`."""
        return state_of((video.name, video.path) for video in self.videos)

    def settings(self) -> Mapping[str, Any]:
        """See `work.PredictionWork`."""
        known = ("name", "rate", "announced", "size")
        videos = [{name: getattr(video, name) for name in known} for video in self.videos]
        return {
            "frames": asdict(self.choice),
            "smooth": self.smooth,
            "videos": [{**video, "size": list(video["size"])} for video in videos],
            "opencv": import_opencv().__version__,
        }

    def groups(self, done: int = 0, stored: Iterable[StoredPicture] = ()) -> Iterator[Group]:
        """See `work.PredictionWork`. Faces are followed, and frames drawn, from the first frame on.

        A group never spans two videos, so each video begins with a whole group.
        """
        classes = self.predictor.network.classes
        left = done
        waiting = (_rows(*picture, classes) for picture in islice(stored, done))
        with shown_progress(self.unit, self.quiet) as track:
            for video in self.videos:
                follow = Follower(self.smooth)
                with ExitStack() as stack:
                    draw = _Drawing(self.drawings.get(video.name), video.rate, stack)
                    for chunk in self._chunks(video, left, track):
                        chosen = [item.frame for item in chunk if item.chosen]
                        old = list(islice(waiting, min(left, len(chosen))))
                        left -= len(old)
                        found = old or self.predictor.rows(chosen)
                        rows = [follow(of_frame) for of_frame in found]
                        draw(chunk, rows)
                        if chosen and not old:
                            yield list(zip(chosen, rows, strict=True))

    def _chunks(self, video: VideoFile, done: int, track: Track) -> Iterator[list[Decoded]]:
        """Groups of frames that are in memory together.

        They are the same whether or not frames are drawn, because a network may give other last
        digits to a face in another group.
        """
        most = max(1, GROUP_PIXELS // max(1, 3 * video.size[0] * video.size[1]))
        items = video.decoded(self.choice, all_pixels=video.name in self.drawings)
        chunk: list[Decoded] = []
        for item in _tracked(items, done, track, plain(video.name), video.expected(self.choice)):
            chunk.append(item)
            if len(chunk) == most or sum(one.chosen for one in chunk) == BATCH:
                yield chunk
                chunk = []
        if chunk:
            yield chunk


def _rows(
    reasons: Sequence[str], stored: Sequence[Mapping[str, Any]], classes: Sequence[str]
) -> list[FaceRow]:
    """The rows of a stored picture. The column `reason` also has the detail, which is not drawn."""
    return [
        replace(FaceRow.of(row, classes), reason=reason)
        for reason, row in zip(reasons, stored, strict=True)
    ]


def _tracked(
    items: Iterator[Decoded], done: int, track: Track, what: str, total: int | None
) -> Iterator[Decoded]:
    """The same items; progress begins behind the first `done` chosen ones."""
    passed = 0
    while done and (item := next(items, None)):
        passed += 1
        done -= item.chosen
        yield item
    yield from track(items, what, total, passed)


class _Drawing:
    """Draws on the frames of a video; between two analysed ones, boxes stay where they were."""

    def __init__(self, path: Path | None, rate: float, stack: ExitStack):
        self._video = stack.enter_context(annotated_video(path, rate))
        self._rows: list[FaceRow] = []

    def __call__(self, chunk: Sequence[Decoded], rows: Sequence[list[FaceRow]]) -> None:
        if self._video is None:
            return
        answered = iter(rows)
        for item in chunk:
            if item.chosen:
                self._rows = next(answered)
            self._video.add(item.frame, self._rows)
