"""A recording as this package needs it, whatever file or generator it comes from."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Read = Callable[[int, int, int], np.ndarray]
"""``read(block, start, stop)``: a piece of signal in volts, (electrodes, samples)."""


@dataclass(frozen=True)
class Mark:
    """What a recording itself says of a place in it: an annotation, an event, an epoch.

    Attributes:
        block: where, see `Recording`.
        zero: sample of the event; tmin and tmax count from there.
        start, stop: first sample and first behind it; equal where the mark has no length.
        name: what is said.
    """

    block: int
    zero: int
    start: int
    stop: int
    name: str


@dataclass(frozen=True, eq=False)
class Recording:
    """One recording, of which nothing but its header is read.

    Attributes:
        name: its file's path below the directory that was given.
        info: the ``mne.Info`` of its electrodes, all with positions, the bad ones marked.
        rate: samples a second.
        lengths: samples of each block: a continuous recording is one, each epoch is one, each
            evoked response is one.
        marks: in the file's order.
        bad: stretches marked bad, as block, start and stop.
        open: opens the signal of the electrodes that are not bad.
        continuous: whether it is one block of its own time.
        begins: sample of each block in the time of the measurement; () where unknown.
    """

    name: str
    info: Any
    rate: float
    lengths: tuple[int, ...]
    marks: tuple[Mark, ...]
    bad: tuple[tuple[int, int, int], ...]
    open: Callable[[], Read]
    continuous: bool
    begins: tuple[int, ...] = ()


class Reader:
    """Reads pieces of one recording, opened at the first, from several threads in turn."""

    def __init__(self, recording: Recording):
        self._open = recording.open
        self._read: Read | None = None
        self._lock = threading.Lock()

    def __call__(self, block: int, start: int, stop: int) -> np.ndarray:
        """The piece, float64 (electrodes, samples)."""
        with self._lock:
            if self._read is None:
                self._read = self._open()
            return np.asarray(self._read(block, start, stop), np.float64)
