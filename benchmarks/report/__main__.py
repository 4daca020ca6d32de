"""Tables from stored results: `python -m benchmarks.report runs/attention`.

A report can be made at any time: unfinished cells are shown as missing. No deep-learning framework
is imported.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from attention_fer.common.files import write_text
from benchmarks.report import analysis, formats
from benchmarks.report.analysis import TableReport
from benchmarks.results.plan_file import FOLDER
from benchmarks.results.store import Store

PROGRAM = "python -m benchmarks.report"


def main(arguments: Sequence[str] | None = None, prog: str = PROGRAM) -> int:
    """Runs the command line. Returns 0, or 2 without results or if a file cannot be written."""
    options = _parser(prog).parse_args(arguments)
    try:
        reports = read(options.folder)
        if options.output:
            write_text(options.output, formats.render(reports, options.format))
            print(options.output)
            return 0
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.format == "text":
        formats.show(reports, formats.console())
    else:
        print(formats.render(reports, options.format), end="")
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
    return parser


if __name__ == "__main__":
    sys.exit(main())
