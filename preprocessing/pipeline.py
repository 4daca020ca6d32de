"""Turn raw items into rows in several threads, in order, holding a bounded number at once."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from preprocessing.dataset.index import Row
from preprocessing.sources import Rejected, Sample

CHUNK = 16
"""Items a thread takes at once, so that handing over costs nothing beside small images."""

LEFT_OUT = "class left out"

Made = tuple[str, list[Row | Rejected]]
"""The source of one raw item, and its rows or rejections."""

Faces = Callable[[Sequence[Sample]], list[list[Row | Rejected]]]
"""Makes the rows of each sample, see `faces.FaceCropper`. Called from several threads."""

T = TypeVar("T")
R = TypeVar("R")


def make_rows(
    items: Iterable[Sample | Rejected],
    faces: Faces,
    *,
    without: Collection[str] = (),
    workers: int | None = None,
    at_once: int = CHUNK,
) -> Iterator[Made]:
    """Load, detect and crop in threads; what comes out is in the order of what goes in.

    Args:
        items: raw items.
        faces: makes the rows.
        without: samples of these classes are rejected undecoded.
        workers: number of threads; None for one per core.
        at_once: items that `faces` gets at a time.

    Raises:
        ValueError: a number out of range.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"got workers={workers}: expected at least 1")
    lists = chunks(items, at_once)
    return _chained(ordered(lambda c: _rows(c, faces, without), lists, workers or cores()))


def cores() -> int:
    """Number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Consecutive lists of `size` items, the last one shorter."""
    items = iter(items)
    while chunk := list(islice(items, size)):
        yield chunk


def ordered(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """Map in threads, results in order, at most ``workers + 2`` items taken ahead of them.

    What the function or the items raise is raised here, after the results before it. Threads and
    not processes, because decoding, detection and resizing leave the interpreter's lock.
    """
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > workers + 1:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _chained(lists: Iterable[list[T]]) -> Iterator[T]:
    for one in lists:
        yield from one


def _rows(chunk: list[Sample | Rejected], faces: Faces, without: Collection[str]) -> list[Made]:
    wanted = [item for item in chunk if isinstance(item, Sample) and item.label not in without]
    made = iter(faces(wanted))
    return [(item.source, _made(item, made, without)) for item in chunk]


def _made(
    item: Sample | Rejected, made: Iterator[list[Row | Rejected]], without: Collection[str]
) -> list[Row | Rejected]:
    if isinstance(item, Rejected):
        return [item]
    if item.label in without:
        return [Rejected(item.source, LEFT_OUT, item.label, item.label)]
    return next(made)
