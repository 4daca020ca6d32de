"""Show on a terminal how far long work is, how fast it goes and how long it will take."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from preprocessing.tracking import T, Track

_SECONDS = 0.2  # between two updates: asking for one at every image costs more than small images


class Rate(ProgressColumn):
    """Images per second since the start, without those of an earlier run.

    Several images are ready at once, so that the rate of the last moments would jump.
    """

    def render(self, task: Task) -> Text:
        rate = speed(task)
        return Text(f"{rate:,.0f} images/s" if rate >= 10 else f"{rate:.1f} images/s")


class TimeLeft(ProgressColumn):
    """Hours, minutes and seconds at the rate so far."""

    def render(self, task: Task) -> Text:
        rate = speed(task)
        if task.total is None or not rate:
            return Text("")
        left = timedelta(seconds=round((task.total - task.completed) / rate))
        return Text("" if task.finished else f"{left} left")


def speed(task: Task) -> float:
    """Images per second of this run."""
    elapsed = task.finished_time or task.elapsed
    return (task.completed - task.fields["before"]) / elapsed if elapsed else 0.0


@contextmanager
def progress(console: Console) -> Iterator[Track]:
    """Give a `prepare.Track` that shows a bar on the console."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, Rate(), TimeLeft(), console=console) as shown:

        def track(items: Iterable[T], what: str, total: int | None, done: int) -> Iterator[T]:
            task = shown.add_task(what, total=total, completed=done, before=done)
            number, due = done, 0.0
            for number, item in enumerate(items, start=done + 1):
                yield item
                if time.monotonic() >= due:
                    shown.update(task, completed=number)
                    due = time.monotonic() + _SECONDS
            shown.update(task, completed=number, total=number)

        yield track
