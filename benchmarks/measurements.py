"""The command line of a package of measurements, one subcommand for each module, and its tables."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from attention_fer.common.command import run
from attention_fer.common.console import plain_console


def parser(
    package: str, measurements: Mapping[str, str], what: str | None
) -> argparse.ArgumentParser:
    """Returns the parser of a package.

    Args:
        package: its full name. Each measurement is a module there with `add_arguments` and `run`.
        measurements: their names, each with a line of help.
        what: the only one whose arguments are added; others may need missing libraries.
    """
    result = argparse.ArgumentParser(
        f"python -m {package}", description=importlib.import_module(package).__doc__
    )
    commands = result.add_subparsers(dest="what", required=True)
    for name, text in measurements.items():
        command = commands.add_parser(name, help=text)
        if name == what:
            module = importlib.import_module(f"{package}.{name}")
            command.description = module.__doc__
            command.formatter_class = argparse.RawDescriptionHelpFormatter
            module.add_arguments(command.add_argument)
    return result


def main(
    package: str, measurements: Mapping[str, str], arguments: Sequence[str] | None = None
) -> int:
    """Runs the command line. Returns 0, or 2 if something is missing or wrong."""
    given = list(sys.argv[1:] if arguments is None else arguments)

    def measure() -> int:
        options = parser(package, measurements, next(iter(given), None)).parse_args(given)
        importlib.import_module(f"{package}.{options.what}").run(options, plain_console())
        return 0

    return run(measure)


def show(
    console: Console,
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    caption: str | None = None,
) -> None:
    """Prints a table; the first column is left-aligned, the others right-aligned."""
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", caption=caption)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    console.print(table)
