"""Tables from stored results alone: `python -m benchmarks.report runs/attention`.

What is planned and not done yet is shown as missing, so that a report can be made at any time.
Nothing here imports a deep-learning framework.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import analysis, formats
from benchmarks.report.analysis import Report
from benchmarks.report.files import write_whole
from benchmarks.results.plan_file import FOLDER
from benchmarks.results.store import Store


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; see `--help`."""
    options = _parser().parse_args(arguments)
    try:
        reports = read(options.folder)
        if options.output:
            write_whole(options.output, formats.render(reports, options.format))
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


def read(folder: Path) -> list[Report]:
    """Reports of the results of one table.

    Raises:
        ValueError: the folder holds no plan, that is, no results of a table.
    """
    reports = analysis.stored(Store(folder))
    if not reports:
        inside = sorted({path.parent.parent.name for path in folder.glob(f"*/{FOLDER}/*.json")})
        hint = f" Name one of its folders: {', '.join(inside)}." if inside else ""
        raise ValueError(f"{folder} does not hold the results of a table.{hint}")
    return reports


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("folder", type=Path, help="results of one table, such as runs/attention")
    parser.add_argument("--format", choices=list(formats.FORMATS), default="text")
    parser.add_argument("--output", type=Path, help="file to write instead of the terminal")
    return parser


if __name__ == "__main__":
    sys.exit(main())
