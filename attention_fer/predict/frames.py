"""Pictures as a stream: what every source yields.

A folder of photographs, a video and a camera all become `Frame` objects; `Predictor.stream` turns
them into rows, whatever they came from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from preprocessing.raw_files.files import UnreadableError

GROUP_PIXELS = 150_000_000
"""A group of frames ends when it holds this many numbers (width x height x channels); a
12-megapixel photograph has 36 million."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a stream.

    Attributes:
        name: what the column `input` says: a path, or the number of an array.
        pixels: uint8, upright: grey (height, width), or RGB (height, width, 3). None if the picture
            could not be read.
        number: place within a video, from 0; 0 for a photograph.
        time: seconds since the start of a video; None for a photograph.
        problem: why there are no pixels.
    """

    name: str
    pixels: np.ndarray | None
    number: int = 0
    time: float | None = None
    problem: UnreadableError | None = None


def grouped(frames: Iterable[Frame], most: int) -> Iterator[list[Frame]]:
    """Yields groups of at most `most` frames, in order.

    A group ends early when it holds `GROUP_PIXELS`, so that large photographs do not fill the
    memory. Groups depend on nothing but the frames.
    """
    group: list[Frame] = []
    pixels = 0
    for frame in frames:
        group.append(frame)
        pixels += 0 if frame.pixels is None else frame.pixels.size
        if len(group) == most or pixels >= GROUP_PIXELS:
            yield group
            group, pixels = [], 0
    if group:
        yield group


def reading(name: str, load: Callable[[], np.ndarray]) -> Frame:
    """Returns the frame whose pixels `load()` returns, or one with the problem that it raises."""
    try:
        return Frame(name, load())
    except UnreadableError as error:
        return Frame(name, None, problem=error)
