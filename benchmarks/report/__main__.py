"""Tables from stored results: `python -m benchmarks.report runs/attention`.

A report can be made at any time: unfinished cells are shown as missing. No deep-learning framework
is imported.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from attention_fer.common.command import run
from attention_fer.common.files import write_text
from benchmarks.report import analysis, chance, formats
from benchmarks.report.analysis import TableReport
from benchmarks.results.plan_file import FOLDER
from benchmarks.results.store import Store

PROGRAM = "python -m benchmarks.report"


def main(arguments: Sequence[str] | None = None, prog: str = PROGRAM) -> int:
    """Runs the command line. Returns 0, or 2 without results or if a file cannot be written."""
    options = _parser(prog).parse_args(arguments)
    return run(lambda: _report(options))


def _report(options: argparse.Namespace) -> int:
    reports = read(options.folder)
    if options.write:
        return _write(reports, options)
    if not options.chance and options.format == "text" and not options.output:
        formats.show(reports, formats.console())
        return 0
    if options.chance:
        content = formats.CHANCE_FORMATS[options.format](chance.chance_reports(reports))
    else:
        content = formats.render(reports, options.format)
    if options.output:
        write_text(options.output, content)
        print(options.output)
    else:
        print(content, end="")
    return 0


def _write(reports: Sequence[TableReport], options: argparse.Namespace) -> int:
    """Writes the files kept next to results: the table and, if requested, the gains by chance."""
    if options.output or options.format != "text":
        raise ValueError(
            "--write chooses its own files and formats. Leave out --output and --format."
        )
    by_chance = chance.chance_reports(reports) if options.chance else []
    paths = formats.write_records(reports, options.folder)
    if by_chance:
        paths += formats.write_chance(by_chance, options.folder)
    print(*paths, sep="\n")
    return 0


def read(folder: Path) -> list[TableReport]:
    """Reports on the results in a folder, such as `runs/attention`.

    Raises:
        ValueError: the folder contains no plan, that is, no results of a table.
    """
    reports = analysis.stored(Store(folder))
    if not reports:
        inside = sorted({path.parent.parent.name for path in folder.glob(f"*/{FOLDER}/*.json")})
        hint = f" Name one of its folders: {', '.join(inside)}." if inside else ""
        raise ValueError(f"{folder} does not contain the results of a table.{hint}")
    return reports


def _parser(prog: str) -> argparse.ArgumentParser:
    description = (__doc__ or "").replace(PROGRAM, prog)
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument("folder", type=Path, help="results of one table, e.g. runs/attention")
    parser.add_argument("--format", choices=formats.FORMATS.names(), default="text")
    parser.add_argument("--output", type=Path, help="write to this file instead of the terminal")
    parser.add_argument(
        "--chance",
        action="store_true",
        help="show how often a gain that is not there would appear, as text, markdown or csv",
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="write the table into FOLDER as Markdown and CSV; with --chance also the gains by "
        "chance, with pictures",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
