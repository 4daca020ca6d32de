"""Turns raw items into rows in several threads, in order and with bounded memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import TypeVar

from preprocessing.faces.cropper import Outcome
from preprocessing.sources import Rejected, Sample

CHUNK = 16
"""Items per task, so that scheduling costs little compared to small images."""

LEFT_OUT = "class left out"

Processed = tuple[str, Outcome]
"""The source of one raw item and its outcome."""

Cropper = Callable[[Sequence[Sample]], list[Outcome]]
"""Makes the rows of each sample, see `FaceCropper`. Called from several threads."""

T = TypeVar("T")
R = TypeVar("R")


def make_rows(
    items: Iterable[Sample | Rejected],
    faces: Cropper,
    *,
    without: Collection[str] = (),
    workers: int | None = None,
    at_once: int = CHUNK,
) -> Iterator[Processed]:
    """Loads, detects and crops in threads; results are in the order of the items.

    Args:
        items: raw items.
        faces: makes the rows.
        without: classes whose samples are rejected without decoding them.
        workers: number of threads; None for one per core.
        at_once: number of items per call of `faces`.

    Raises:
        ValueError: `workers` is below 1.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}.")
    lists = chunks(items, at_once)
    results = ordered(lambda chunk: _process(chunk, faces, without), lists, workers or cores())
    return chain.from_iterable(results)


def cores() -> int:
    """Returns the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Yields consecutive lists of `size` items; the last one may be shorter."""
    items = iter(items)
    while chunk := list(islice(items, size)):
        yield chunk


def ordered(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """Maps a function in threads; results are in order, at most `workers + 2` items ahead.

    An exception of the function is raised here, after the preceding results; one of the items at
    once, without the results that are not yet yielded. Threads suffice, because decoding, detection
    and resizing release the interpreter lock.
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


def _process(
    chunk: list[Sample | Rejected], faces: Cropper, without: Collection[str]
) -> list[Processed]:
    wanted = [item for item in chunk if isinstance(item, Sample) and item.label not in without]
    outcomes = iter(faces(wanted))
    return [(item.source, _outcome(item, outcomes, without)) for item in chunk]


def _outcome(
    item: Sample | Rejected, outcomes: Iterator[Outcome], without: Collection[str]
) -> Outcome:
    if isinstance(item, Rejected):
        return [item]
    if item.label in without:
        return [Rejected(item.source, LEFT_OUT, item.label, item.label)]
    return next(outcomes)
