"""How far long work is: a bar with rich where it is installed, plain lines without."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
_SECONDS = 10.0  # between two plain lines


def track(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    """The items, while standard error shows how many of the total are done."""
    try:
        from rich.console import Console
        from rich.progress import track as bar
    except ImportError:
        yield from _lines(items, what, total)
        return
    yield from bar(items, what, total, console=Console(stderr=True))


def _lines(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    due = time.monotonic() + _SECONDS
    for number, item in enumerate(items, start=1):
        yield item
        if time.monotonic() >= due:
            print(f"{what}: {number} of {total}", file=sys.stderr, flush=True)
            due = time.monotonic() + _SECONDS
