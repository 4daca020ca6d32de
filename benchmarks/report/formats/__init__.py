"""The formats of a report: one module each, registered below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from attention_fer.common.console import plain_console
from attention_fer.common.files import write_bytes, write_text
from attention_fer.common.registry import Registry
from benchmarks.plan.plan import Plan
from benchmarks.report import analysis
from benchmarks.report.analysis import TableReport
from benchmarks.report.chance import ChanceReport
from benchmarks.report.formats import chance, chance_figure, csv_file, html, latex, markdown, text
from benchmarks.report.formats.figures import ReportFigures
from benchmarks.results.store import Store

PUBLISHED = ("markdown", "csv", "latex", "html")


class Format(NamedTuple):
    """How reports become a file.

    Attributes:
        suffix: suffix of the file's name.
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


CHANCE_FORMATS: Registry[Callable[[Sequence[ChanceReport]], str]] = Registry("format")
CHANCE_FORMATS.add("text", chance.render_text)
CHANCE_FORMATS.add("markdown", chance.render_markdown)
CHANCE_FORMATS.add("csv", chance.render_csv)


def render(reports: Sequence[TableReport], name: str) -> str:
    """Returns reports in the format of that name. Raises ValueError for an unknown one."""
    return FORMATS[name].render([ReportFigures.of(report) for report in reports])


def console() -> Console:
    """Returns the terminal; for a file or a pipe, a console 120 columns wide."""
    terminal = plain_console()
    return terminal if terminal.is_terminal else plain_console(width=text.WIDTH)


def show(reports: Sequence[TableReport], console: Console) -> None:
    """Prints reports to a terminal."""
    for part in text.parts([ReportFigures.of(report) for report in reports]):
        console.print(part)


def publish(plan: Plan, store: Store, console: Console) -> list[Path]:
    """Writes a plan's table as `<table>.md`, `.csv`, `.tex` and `.html`, then prints it.

    May be called at any time: unfinished cells are shown as missing.

    Returns:
        The files.

    Raises:
        OSError: a file cannot be written. It is unchanged then, and those before it are complete.
    """
    report = analysis.report(plan, plan.cells, store)
    paths = []
    for name in PUBLISHED:
        path = store.root / f"{plan.table.name}{FORMATS[name].suffix}"
        write_text(path, render([report], name))
        paths.append(path)
    show([report], console)
    for path in paths:
        console.print(f"Written: {path}", highlight=False, soft_wrap=True)
    return paths


def write_records(reports: Sequence[TableReport], folder: Path) -> list[Path]:
    """Writes the tables into the folder of their results, as `<table>.md` and `.csv`.

    Returns:
        The files.

    Raises:
        OSError: a file cannot be written. It is unchanged then, and those before it are complete.
    """
    found = {name: folder / f"{reports[0].table.name}{FORMATS[name].suffix}" for name in _RECORDS}
    for name, path in found.items():
        write_text(path, render(reports, name))
    return list(found.values())


def write_chance(reports: Sequence[ChanceReport], folder: Path) -> list[Path]:
    """Writes the gains by chance as `chance.md` and `.csv`, and a picture of each target.

    Returns and raises as `write_records`.
    """
    found = {name: folder / f"chance{FORMATS[name].suffix}" for name in _RECORDS}
    for name, path in found.items():
        write_text(path, CHANCE_FORMATS[name](reports))
    pictures = []
    for number, report in enumerate(reports, 1):
        stem = "chance" if len(reports) == 1 else f"chance-{number}"
        for suffix in ("svg", "png"):
            pictures.append(folder / f"{stem}.{suffix}")
            write_bytes(pictures[-1], chance_figure.render(report, suffix))
    return [*found.values(), *pictures]


_RECORDS = ("markdown", "csv")  # of the files kept next to published results
