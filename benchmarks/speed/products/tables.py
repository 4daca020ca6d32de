"""The measurements of products as tables, each product next to ours."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console

from benchmarks.measurements import show
from benchmarks.speed.products.turns import OURS, ProductAnswers
from benchmarks.speed.ratios import relative


def show_starts(times: Mapping[str, list[float]], console: Console) -> None:
    """Prints the seconds from the start of a process to its first answer."""
    rows = [(name, relative(of, times[OURS], 2)) for name, of in times.items()]
    title = f"From start to first answer, n = {len(times[OURS])}"
    show(console, title, ("product", "seconds (relative to ours, quartiles)"), rows)


def show_speed(answers: ProductAnswers, title: str, console: Console) -> None:
    """Prints what each product analyses in a second, without the first turn, and its faces."""
    timed = {name: of[1:] for name, of in answers.items()}
    speed = {name: [one.analysed / one.seconds for one in of] for name, of in timed.items()}
    faces = {name: [one.faces / one.seconds for one in of] for name, of in timed.items()}
    number = {name: f"{sum(one.faces for one in of):,}" for name, of in timed.items()}
    rows = [
        (
            name,
            relative(speed[name], speed[OURS], 1),
            relative(faces[name], faces[OURS], 1),
            number[name],
        )
        for name in timed
    ]
    n = sum(one.analysed for one in timed[OURS])
    columns = ("product", "a second", "faces a second", "faces")
    show(console, f"{title}, n = {n:,} (relative to ours, quartiles)", columns, rows)


def show_memory(answers: ProductAnswers, title: str, console: Console) -> None:
    """Prints the memory of each process after the first turn and after the last."""
    first, last = answers[OURS][0].analysed, sum(one.analysed for one in answers[OURS])
    columns = ("product", f"MB after {first}", f"MB after {last:,}", "growth")
    rows = [(name, *_grown(of[0].megabytes, of[-1].megabytes)) for name, of in answers.items()]
    show(console, f"{title}, memory", columns, rows)


def _grown(first: float | None, last: float | None) -> tuple[str, str, str]:
    if first is None or last is None:
        return ("unknown",) * 3
    return f"{first:,.0f}", f"{last:,.0f}", f"{last - first:+,.0f}"
