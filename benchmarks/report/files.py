"""Prints the table at the end of a run and writes it beside the results."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from attention_fer.common.files import write_text
from benchmarks.plan.plan import Plan
from benchmarks.report import analysis, formats
from benchmarks.results.store import Store

WRITTEN = ("markdown", "csv", "latex", "html")


def publish(plan: Plan, store: Store, console: Console) -> list[Path]:
    """Prints a plan's table and writes it as `<table>.md`, `.csv`, `.tex` and `.html`.

    May be called at any time: unfinished cells are shown as missing.

    Returns:
        The files.

    Raises:
        OSError: a file cannot be written. It is unchanged then, and those before it are complete.
    """
    report = analysis.report(plan, plan.cells, store)
    formats.show([report], console)
    paths = []
    for name in WRITTEN:
        path = store.root / f"{plan.table.name}{formats.FORMATS[name].suffix}"
        write_text(path, formats.render([report], name))
        paths.append(path)
    for path in paths:
        console.print(f"Written: {path}", highlight=False, soft_wrap=True)
    return paths
