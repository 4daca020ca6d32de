"""The settings of a plan with their sources, as `--dry-run` shows them."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from benchmarks.plan.plan import Plan


def show_settings(plan: Plan, console: Console) -> None:
    """Prints each setting that is not at its default, its value and where it comes from.

    Settings that the rows share come first, then what differs from them row by row.
    """
    for target in plan.targets:
        shared = plan.choices(target)
        table = RichTable(box=box.SIMPLE_HEAD, title=f"Settings on {target.dataset}")
        for column in ("row", "setting", "value", "from"):
            table.add_column(column, overflow="fold")
        for name, choice in shared.items():
            if choice.source != "default":
                table.add_row("all", name, _text(choice.value), choice.source)
        for row in plan.table.of(target.dataset):
            for name, choice in plan.choices(target, row).items():
                if choice != shared[name]:
                    table.add_row(row.label, name, _text(choice.value), choice.source)
        console.print(table)
    console.print("Settings not shown have their default.")


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(value)
