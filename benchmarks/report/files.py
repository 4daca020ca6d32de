"""What a run shows at its end: the table in the terminal, and in files beside the results."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks.plan.plan import Plan
from benchmarks.report import analysis, formats
from benchmarks.results.store import Store

WRITTEN = ("markdown", "csv", "latex", "html")


def publish(plan: Plan, store: Store, console: Console) -> list[Path]:
    """Prints a plan's table and writes it as `<table>.md`, `.csv`, `.tex` and `.html`.

    It may be called at any time: what is not done yet is shown as missing.

    Returns:
        The files.

    Raises:
        OSError: a file cannot be written; those before it are whole, it is as it was.
    """
    report = analysis.report(plan, plan.cells, store)
    formats.show([report], console)
    paths = []
    for form in WRITTEN:
        path = store.root / f"{plan.table.name}{formats.FORMATS[form].suffix}"
        write_whole(path, formats.render([report], form))
        paths.append(path)
    for path in paths:
        console.print(f"Written: {path}", highlight=False, soft_wrap=True)
    return paths


def write_whole(path: Path, content: str) -> None:
    """Writes a text file whole or not at all. Raises OSError where it cannot."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
