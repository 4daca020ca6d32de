"""The ways to show a report: a module each, and one line below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console

from benchmarks.report.analysis import Report
from benchmarks.report.formats import csv_file, html, latex, markdown, text
from benchmarks.report.formats.figures import View, view


@dataclass(frozen=True)
class Format:
    """How reports become a file.

    Attributes:
        suffix: of its name.
        render: its content.
    """

    suffix: str
    render: Callable[[Sequence[View]], str]


def _plain(views: Sequence[View]) -> str:
    """The terminal's tables without colours, 120 columns wide."""
    console = Console(width=120, force_terminal=False, no_color=True)
    with console.capture() as captured:
        console.print(*text.render(views), sep="\n")
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


FORMATS = {
    "text": Format(".txt", _plain),
    "markdown": Format(".md", markdown.render),
    "csv": Format(".csv", csv_file.render),
    "csv-classes": Format("-classes.csv", csv_file.render_classes),
    "latex": Format(".tex", latex.render),
    "html": Format(".html", html.render),
}


def render(reports: Sequence[Report], form: str) -> str:
    """Reports in one of `FORMATS`."""
    return FORMATS[form].render([view(report) for report in reports])


def console() -> Console:
    """The terminal; where there is none, as in a file, wide enough for a table."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=120)


def show(reports: Sequence[Report], console: Console) -> None:
    """Prints reports to a terminal."""
    for part in text.render([view(report) for report in reports]):
        console.print(part)
