"""Tables from stored results alone: `python -m benchmarks.report runs/attention`.

Nothing here imports a deep-learning framework.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import formats, tables
from benchmarks.cells import Cell
from benchmarks.statistics import Difference, mean_and_sd, paired_difference
from benchmarks.store import Result, Store
from benchmarks.table import Row, Table


@dataclass(frozen=True)
class Entry:
    """One row of a table on one dataset.

    Attributes:
        results: the finished cells, a seed each.
        failures: reasons of the failed ones.
        missing: number of planned cells without any result.
        difference: against the baseline, None for the baseline itself or where it is missing.
        published: accuracy in percent, if there is a published figure.
    """

    results: tuple[Result, ...]
    failures: tuple[str, ...] = ()
    missing: int = 0
    difference: Difference | None = None
    published: float | None = None

    @property
    def planned(self) -> int:
        """Number of seeds asked for."""
        return len(self.results) + len(self.failures) + self.missing

    @property
    def accuracy(self) -> tuple[float, float | None] | None:
        """Mean and standard deviation over the seeds, in percent."""
        if not self.results:
            return None
        return mean_and_sd([100 * r.record["metrics"]["accuracy"] for r in self.results])

    @property
    def parameters(self) -> int | None:
        return self.results[0].record["metrics"]["parameters"] if self.results else None


@dataclass(frozen=True)
class Report:
    """A table with its entries: `entries[row, dataset]`."""

    table: Table
    rows: tuple[Row, ...]
    datasets: tuple[str, ...]
    entries: dict[tuple[Row, str], Entry] = field(default_factory=dict)
    captions: tuple[str, ...] = ()


def build(table: Table, cells: Sequence[Cell], store: Store) -> Report:
    """The report of planned cells: what is done, failed and missing of each."""
    stored = {result.cell.slug: result for result in store.results()}
    datasets = tuple(dict.fromkeys(cell.dataset for cell in cells))
    rows = tuple(dict.fromkeys(cell.row for cell in cells))
    groups: dict[tuple[Row, str], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.row, cell.dataset), []).append(cell)
    entries = {key: _entry(table, key, groups, stored) for key in groups}
    done = [r for entry in entries.values() for r in entry.results]
    captions = tuple(_caption(name, cells, done) for name in datasets)
    return Report(table, rows, datasets, entries, captions)


def _entry(
    table: Table,
    key: tuple[Row, str],
    groups: dict[tuple[Row, str], list[Cell]],
    stored: dict[str, Result],
) -> Entry:
    row, dataset = key
    found = [stored[cell.slug] for cell in groups[key] if cell.slug in stored]
    done = [result for result in found if result.done]
    base_cells = groups.get((row.baseline, dataset), [])
    base = [stored[c.slug] for c in base_cells if c.slug in stored and stored[c.slug].done]
    return Entry(
        results=tuple(done),
        failures=tuple(result.record["error"] for result in found if not result.done),
        missing=len(groups[key]) - len(found),
        difference=None if row.is_baseline else paired_difference(done, base),
        published=table.published.get(key),
    )


def _caption(dataset: str, cells: Sequence[Cell], done: Sequence[Result]) -> str:
    """What the numbers of a dataset's columns are: data, split, n, seeds, settings, machine."""
    mine = [cell for cell in cells if cell.dataset == dataset]
    results = [result for result in done if result.cell.dataset == dataset]
    seeds = sorted({cell.seed for cell in mine})
    synthetic = dataset == "schematic" or any(
        result.record["provenance"].get("synthetic") for result in results
    )
    text = f"{dataset}{' (synthetic images)' if synthetic else ''}: {_settings(mine[0])}"
    text += f", seeds {', '.join(map(str, seeds))}"
    if not results:
        return text + "."
    metrics = results[0].record["metrics"]
    machines = "; ".join(sorted({formats.machine(r.record["provenance"]) for r in results}))
    return (
        f"{text}; trained on {metrics['n_train']} images, epoch chosen on "
        f"{metrics['n_validation']}, accuracy on n = {metrics['n_test']} test images, "
        f"{100 * results[0].majority():.2f} % of them of one class. Measured on {machines}."
    )


def _settings(cell: Cell) -> str:
    s = cell.settings
    return (
        f"{cell.variant} networks, split {cell.protocol!r}, width {s.width:g}, "
        f"{s.activation + ', ' if cell.variant == 'corrected' else ''}at most {s.epochs} "
        f"epochs (patience {s.patience}), batch {s.batch_size}, {s.optimizer} {s.learning_rate:g}, "
        f"zoom {s.zoom:g}, flip {'on' if s.flip else 'off'}, {s.precision}, {cell.backend}"
    )


def stored_reports(store: Store, table: Table) -> list[Report]:
    """Reports of everything stored: one for each variant, protocol, backend and settings."""
    groups: dict[str, list[Cell]] = {}
    for result in store.results():
        cell = result.cell
        key = f"{cell.variant} {cell.protocol} {cell.backend} {cell.settings} {cell.fingerprint}"
        groups.setdefault(key, []).append(cell)
    order = {row: i for i, row in enumerate(table.rows)}
    return [
        build(table, sorted(cells, key=lambda c: (order.get(c.row, len(order)), c.seed)), store)
        for cells in groups.values()
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; see `--help`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("folder", type=Path, help="results of one table, such as runs/attention")
    parser.add_argument("--format", choices=list(formats.FORMATS), default="text")
    parser.add_argument("--table", help="its table; default: the name of the folder")
    options = parser.parse_args(arguments)
    try:
        table = tables.get(options.table or options.folder.name)
        reports = stored_reports(Store(options.folder), table)
        if not reports:
            raise ValueError(f"No results in {options.folder}.")
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for report in reports:
        formats.show(report, options.format, formats.console())
    return 0


if __name__ == "__main__":
    sys.exit(main())
