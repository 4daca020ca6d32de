"""The formats of a report: one module each, registered below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from attention_fer.common.files import write_text
from attention_fer.common.registry import Registry
from benchmarks.plan.plan import Plan
from benchmarks.report import analysis
from benchmarks.report.analysis import TableReport
from benchmarks.report.formats import csv_file, html, latex, markdown, text
from benchmarks.report.formats.figures import ReportFigures
from benchmarks.results.store import Store

PUBLISHED = ("markdown", "csv", "latex", "html")


class Format(NamedTuple):
    """How reports become a file.

    Attributes:
        suffix: of the file's name.
        render: returns the file's content.
    """

    suffix: str
    render: Callable[[Sequence[ReportFigures]], str]


FORMATS: Registry[Format] = Registry("format")
FORMATS.add("text", Format(".txt", text.render))
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
    return terminal if terminal.is_terminal else Console(width=text.WIDTH)


def show(reports: Sequence[TableReport], console: Console) -> None:
    """Prints reports to a terminal."""
    for part in text.parts([ReportFigures.of(report) for report in reports]):
        console.print(part)


def publish(plan: Plan, store: Store, console: Console) -> list[Path]:
    """Prints a plan's table and writes it as `<table>.md`, `.csv`, `.tex` and `.html`.

    May be called at any time: unfinished cells are shown as missing.

    Returns:
        The files.

    Raises:
        OSError: a file cannot be written. It is unchanged then, and those before it are complete.
    """
    report = analysis.report(plan, plan.cells, store)
    show([report], console)
    paths = []
    for name in PUBLISHED:
        path = store.root / f"{plan.table.name}{FORMATS[name].suffix}"
        write_text(path, render([report], name))
        paths.append(path)
    for path in paths:
        console.print(f"Written: {path}", highlight=False, soft_wrap=True)
    return paths
