"""The formats of a report: one module each, registered below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console

from attention_fer.common.registry import Registry
from benchmarks.report.analysis import TableReport
from benchmarks.report.formats import csv_file, html, latex, markdown, text
from benchmarks.report.formats.figures import ReportFigures


@dataclass(frozen=True)
class Format:
    """How reports become a file.

    Attributes:
        suffix: of the file's name.
        render: returns the file's content.
    """

    suffix: str
    render: Callable[[Sequence[ReportFigures]], str]


def _plain_text(reports: Sequence[ReportFigures]) -> str:
    """The terminal's tables without colours, 120 columns wide."""
    console = Console(width=120, force_terminal=False, no_color=True)
    with console.capture() as captured:
        console.print(*text.render(reports), sep="\n")
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


FORMATS: Registry[Format] = Registry("format")
FORMATS.add("text", Format(".txt", _plain_text))
FORMATS.add("markdown", Format(".md", markdown.render))
FORMATS.add("csv", Format(".csv", csv_file.render))
FORMATS.add("csv-classes", Format("-classes.csv", csv_file.render_classes))
FORMATS.add("latex", Format(".tex", latex.render))
FORMATS.add("html", Format(".html", html.render))


def render(reports: Sequence[TableReport], name: str) -> str:
    """Returns reports in the format of that name. Raises ValueError for an unknown one."""
    return FORMATS[name].render([ReportFigures.of(report) for report in reports])


def console() -> Console:
    """Returns the terminal; for a file or a pipe, a console 120 columns wide."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=120)


def show(reports: Sequence[TableReport], console: Console) -> None:
    """Prints reports to a terminal."""
    for part in text.render([ReportFigures.of(report) for report in reports]):
        console.print(part)
