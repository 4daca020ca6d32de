"""Progress of long work: a bar with rate and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

T = TypeVar("T")
Track = Callable[[Iterable[T], str, "int | None", int], Iterable[T]]
"""`track(items, what, total, done)` passes the items on and shows progress.

`done` items of `total` were finished by an earlier run; they do not count towards the rate.
"""

_BAR_SECONDS = 0.2  # between two updates: one for every image costs more than small images
_LINE_SECONDS = 30.0  # between two plain lines


def untracked(items: Iterable[T], what: str, total: int | None, done: int) -> Iterable[T]:
    """The `Track` that shows nothing."""
    return items


@contextmanager
def progress(console: Console, unit: str = "images") -> Iterator[Track]:
    """Yields a `Track`: one bar per call on a terminal, a line every 30 s and at the end elsewhere.

    Args:
        console: where to show it.
        unit: what the items are, for the rate.
    """
    if not console.is_terminal:
        yield lines(partial(console.print, highlight=False, markup=False, soft_wrap=True), unit)
        return
    with bars(console) as shown:

        def track(items: Iterable[T], what: str, total: int | None, done: int) -> Iterator[T]:
            task = shown.add_task(what, total=total, completed=done, note="")

            def show(number: int, note: str, ended: bool) -> None:
                # A source may not have known its length until the end.
                shown.update(task, completed=number, total=number if ended else total, note=note)

            return _metered(items, total, done, unit, _BAR_SECONDS, show)

        yield track


def lines(write: Callable[[str], object], unit: str = "images") -> Track:
    """Returns a `Track` that writes a line every 30 s and at the end. It needs no package.

    Args:
        write: receives each line.
        unit: what the items are, for the rate.
    """

    def track(items: Iterable[T], what: str, total: int | None, done: int) -> Iterator[T]:
        def show(number: int, note: str, ended: bool) -> None:
            count = f"{number:,}" if total is None else f"{number:,} of {total:,}"
            write(f"{what}: {count}, {note}")

        return _metered(items, total, done, unit, _LINE_SECONDS, show)

    return track


def bars(console: Console) -> Progress:
    """Progress bars with a description, a count, the time so far and a `note` field."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
        # What is printed to a file or pipe meanwhile must not go to the terminal.
        redirect_stdout=sys.stdout.isatty(),
    )


def _metered(
    items: Iterable[T],
    total: int | None,
    done: int,
    unit: str,
    seconds: float,
    show: Callable[[int, str, bool], None],
) -> Iterator[T]:
    """The items, calling `show(number, note, ended)` every `seconds` and at the end."""
    started = time.monotonic()
    due, number = started + seconds, done
    for number, item in enumerate(items, start=done + 1):
        yield item
        now = time.monotonic()
        if now >= due:
            rate = (number - done) / (now - started)
            left = None if total is None else max(total - number, 0) / rate
            show(number, _note(rate, unit, left), False)
            due = now + seconds
    rate = (number - done) / max(time.monotonic() - started, 1e-9)
    show(number, _note(rate, unit, None), True)


def _note(rate: float, unit: str, left: float | None) -> str:
    """Rate since the start, because several items are finished at once, and time left."""
    digits = ",.0f" if rate >= 10 else ".1f" if rate >= 1 else ".2g"
    text = f"{rate:{digits}} {unit}/s"
    return text if left is None else f"{text}, {timedelta(seconds=round(left))} left"


def format_duration(duration: float) -> str:
    """Format seconds: `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    minutes = round(duration / 60)
    if duration < 90:
        return f"{round(duration)} s"
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24} h"
