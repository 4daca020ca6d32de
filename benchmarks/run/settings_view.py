"""Prints the settings of a plan with their sources, for `--dry-run`."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from benchmarks.plan.plan import Plan


def show_settings(plan: Plan, console: Console) -> None:
    """Print the value and source of each setting that is not at its default.

    Settings that all rows share come first, then the differences row by row.
    """
    for target in plan.targets:
        shared = plan.choices(target)
        table = RichTable(box=box.SIMPLE_HEAD, title=f"Settings on {target.dataset}")
        for column in ("row", "setting", "value", "from"):
            table.add_column(column, overflow="fold")
        for name, choice in shared.items():
            if choice.source != "default":
                table.add_row("all", name, _format_value(choice.value), choice.source)
        for row in plan.table.of(target.dataset):
            for name, choice in plan.choices(target, row).items():
                if choice != shared[name]:
                    table.add_row(row.label, name, _format_value(choice.value), choice.source)
        console.print(table)
    console.print("Settings not shown are at their defaults.")


def _format_value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(value)
