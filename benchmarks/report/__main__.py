"""Tables from stored results alone: `python -m benchmarks.report runs/attention`.

What is planned and not done yet is shown as missing, so that a report can be made at any time.
Nothing here imports a deep-learning framework.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import tables
from benchmarks.report import analysis, formats
from benchmarks.report.analysis import Report
from benchmarks.report.files import write_whole
from benchmarks.results.store import RESULT, Store


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; see `--help`."""
    options = _parser().parse_args(arguments)
    try:
        reports = read(options.folder, options.table)
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


def read(folder: Path, table: str | None = None) -> list[Report]:
    """Reports of a folder of results.

    Args:
        folder: of one table.
        table: its name, for results that no plan lies beside; None for that of the folder.

    Raises:
        ValueError: there is no result, or no table of that name.
    """
    name = table or (folder.name if folder.name in tables.names() else None)
    reports = analysis.stored(Store(folder), tables.get(name) if name else None)
    if not reports:
        inside = sorted({path.parent.parent.name for path in folder.glob(f"*/*/{RESULT}")})
        hint = f" Those of a table lie in a folder of it: {', '.join(inside)}." if inside else ""
        raise ValueError(f"No results in {folder}.{hint}")
    return reports


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("folder", type=Path, help="results of one table, such as runs/attention")
    parser.add_argument("--format", choices=list(formats.FORMATS), default="text")
    parser.add_argument(
        "--table",
        help="their table, where no plan lies beside them; default: the name of the folder",
    )
    parser.add_argument("--output", type=Path, help="file to write instead of the terminal")
    return parser


if __name__ == "__main__":
    sys.exit(main())
