"""From stored results to a report: what is done, how it scored, and what can be said of it.

No deep-learning framework is imported here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from benchmarks import tables
from benchmarks.plan.cell import Cell, Target
from benchmarks.plan.plan import Plan
from benchmarks.plan.table import Row, Table
from benchmarks.results import plan_file
from benchmarks.results.folds import Measured, together
from benchmarks.results.store import Result, Store
from benchmarks.run import costs
from benchmarks.statistics.mcnemar import McNemar, mcnemar
from benchmarks.statistics.multiplicity import holm
from benchmarks.statistics.paired import Difference, compare
from benchmarks.statistics.scores import Scores, score
from benchmarks.statistics.summary import mean_and_sd
from benchmarks.statistics.verdict import NOTHING, verdict

Reader = Callable[[Cell], Result | None]


@dataclass(frozen=True)
class Comparison:
    """A row against its reference, seed by seed and image by image.

    Attributes:
        reference: the row it is compared to.
        difference: in points, with its interval.
        mcnemar: the test that takes the trained networks as given.
        adjusted: Holm-adjusted p-value over the whole report; None for a single seed.
        verdict: "better", "worse", "no detectable difference"; "" where none is allowed.
        detectable: where no difference is detected, the smallest in points that would have been,
            with 80 % power; 100 or more for none, None where it cannot be told.
    """

    reference: Row
    difference: Difference
    mcnemar: McNemar
    adjusted: float | None = None
    verdict: str = ""
    detectable: float | None = None


@dataclass(frozen=True)
class Entry:
    """One row of a table on one target.

    Attributes:
        row, target: which.
        done: the finished cells.
        failed: the failed ones.
        missing: planned ones without any result.
        seeds: the seeds all of whose folds are done, sorted; the scores are theirs.
        scores: of each of these seeds, over all its test images, folds together.
        comparison: with the reference; None for the reference itself, or where a partner is
            missing.
        published: accuracy in percent, if there is a published figure.
        cost: see `benchmarks.train.multiply_adds.cost`; None where it was not measured.
    """

    row: Row
    target: Target
    done: tuple[Result, ...]
    failed: tuple[Result, ...]
    missing: tuple[Cell, ...]
    seeds: tuple[int, ...] = ()
    scores: tuple[Scores, ...] = ()
    comparison: Comparison | None = None
    published: float | None = None
    cost: Mapping[str, Any] | None = None

    @property
    def planned(self) -> int:
        """Number of cells asked for."""
        return len(self.done) + len(self.failed) + len(self.missing)

    @property
    def accuracy(self) -> tuple[float, float | None] | None:
        """Mean over the seeds, and standard deviation over seeds and folds, in percent."""
        if not self.scores:
            return None
        mean, sd = mean_and_sd([100 * score.accuracy for score in self.scores])
        if len(self.target.folds) > 1:
            runs = [r for r in self.done if r.cell.seed in self.seeds]
            _, sd = mean_and_sd([100 * r.record["metrics"]["accuracy"] for r in runs])
        return mean, sd

    @property
    def best(self) -> float | None:
        """The best seed's accuracy in percent: what picking a run by its test accuracy shows."""
        return 100 * max(s.accuracy for s in self.scores) if self.scores else None

    @property
    def macro_f1(self) -> float | None:
        """Mean over the seeds, in percent."""
        return 100 * float(np.mean([s.macro_f1 for s in self.scores])) if self.scores else None

    @property
    def calibration_error(self) -> float | None:
        """Mean over the seeds of the expected calibration error, in percent."""
        return 100 * float(np.mean([s.calibration for s in self.scores])) if self.scores else None

    @property
    def without_duplicates(self) -> float | None:
        """Mean accuracy in percent without test images that are copies; None where not known."""
        values = [s.accuracy_without_duplicates for s in self.scores]
        known = [value for value in values if value is not None]
        return 100 * float(np.mean(known)) if known and len(known) == len(values) else None

    @property
    def confusion(self) -> np.ndarray | None:
        """Test images by true and predicted class, summed over the seeds."""
        return np.sum([s.confusion for s in self.scores], axis=0) if self.scores else None

    @property
    def parameters(self) -> int | None:
        return self.done[0].record["metrics"]["parameters"] if self.done else None

    @property
    def time_ratios(self) -> tuple[float | None, float | None]:
        """Training step and latency of one image relative to the backbone without attention."""
        if self.cost is None:
            return None, None
        return self.cost["ratio"]["step"]["median"], self.cost["ratio"]["image"]["median"]

    @property
    def multiply_adds(self) -> int | None:
        """Of one image; None in records from before they were counted."""
        return self.done[0].record["metrics"].get("multiply_adds") if self.done else None


@dataclass(frozen=True)
class Report:
    """A table with its entries.

    Attributes:
        table: its rows and published figures.
        plan: settings, variant and backend that all entries share.
        targets: the columns.
        entries: by row and target; a row that a target does not have is absent.
        pairs: what is compared to what, done or not.
        problems: folders of the store that are no results, with the reason.
    """

    table: Table
    plan: Plan
    targets: tuple[Target, ...]
    entries: Mapping[tuple[Row, Target], Entry] = field(default_factory=dict)
    pairs: Mapping[tuple[Row, Target], tuple[Row, Target]] = field(default_factory=dict)
    problems: tuple[tuple[str, str], ...] = ()

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """All rows, in the table's order."""
        return tuple(dict.fromkeys(row for row, _ in self.entries))

    def of(self, target: Target) -> tuple[Entry, ...]:
        """The entries of a column."""
        return tuple(entry for entry in self.entries.values() if entry.target == target)


def report(plan: Plan, cells: Iterable[Cell], store: Store) -> Report:
    """The report of planned cells: what is done, failed and missing of each, and the statistics.

    Raises:
        ValueError: results that should be of the same test images are not.
    """
    return _report(plan, cells, store, store.read, _problems(store))


def _problems(store: Store) -> tuple[tuple[str, str], ...]:
    return tuple((str(path), reason) for path, reason in store.problems())


def _report(
    plan: Plan,
    cells: Iterable[Cell],
    store: Store,
    read: Reader,
    problems: tuple[tuple[str, str], ...],
) -> Report:
    groups: dict[tuple[Row, Target], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.row, cell.target), []).append(cell)
    measured = {key: _measure(key, group, plan.table, read) for key, group in groups.items()}
    pairs = _pairs(groups, plan.table)
    entries = {key: _compared(key, measured, pairs) for key in measured}
    entries = {
        key: replace(entry, cost=costs.read(store.root, groups[key][0]))
        for key, entry in entries.items()
    }
    return Report(plan.table, plan, plan.targets, _adjusted(entries, pairs), pairs, problems)


def _pairs(
    keys: Iterable[tuple[Row, Target]], table: Table
) -> dict[tuple[Row, Target], tuple[Row, Target]]:
    """What is compared to what, done or not."""
    wanted = {(row, target): (table.reference(row, target.dataset), target) for row, target in keys}
    return {key: other for key, other in wanted.items() if other != key and other in wanted}


def _measure(
    key: tuple[Row, Target], cells: Sequence[Cell], table: Table, read: Reader
) -> tuple[Entry, Measured | None]:
    """An entry, and what comparing it needs of each whole seed; None where there is none."""
    row, target = key
    found = {cell: read(cell) for cell in cells}
    results = [result for result in found.values() if result is not None]
    done = tuple(result for result in results if result.done)
    entry = Entry(
        row=row,
        target=target,
        done=done,
        failed=tuple(result for result in results if not result.done),
        missing=tuple(cell for cell, result in found.items() if result is None),
        published=table.published.get((row, target.dataset)),
    )
    by_seed: dict[int, list[Result]] = {}
    for result in done:
        by_seed.setdefault(result.cell.seed, []).append(result)
    whole = {
        seed: together([result.predictions() for result in of])
        for seed, of in sorted(by_seed.items())
        if len(of) == len(target.folds)
    }
    if not whole:
        return entry, None
    scores = tuple(score(p.probabilities, p.labels, duplicate=p.duplicate) for p in whole.values())
    measured = Measured.of(whole, f"{row.label} on {target.dataset}")
    return replace(entry, seeds=tuple(whole), scores=scores), measured


def _compared(
    key: tuple[Row, Target],
    measured: Mapping[tuple[Row, Target], tuple[Entry, Measured | None]],
    pairs: Mapping[tuple[Row, Target], tuple[Row, Target]],
) -> Entry:
    entry, mine = measured[key]
    if key not in pairs or mine is None:
        return entry
    reference, target = pairs[key]
    _, other = measured[pairs[key]]
    seeds = [seed for seed in mine.right if other and seed in other.right]
    if other is None or not seeds:
        return entry
    if not np.array_equal(mine.sample, other.sample):
        raise ValueError(
            f"{entry.row.label} and {reference.label} were not measured on the same images of "
            f"{target.dataset}."
        )
    ours = np.stack([mine.right[seed] for seed in seeds])
    theirs = np.stack([other.right[seed] for seed in seeds])
    difference = compare(ours.astype(np.int8) - theirs.astype(np.int8), mine.clusters)
    return replace(entry, comparison=Comparison(reference, difference, mcnemar(ours, theirs)))


def _adjusted(
    entries: Mapping[tuple[Row, Target], Entry], planned: Iterable[tuple[Row, Target]]
) -> dict[tuple[Row, Target], Entry]:
    """The entries with p-values adjusted over all planned comparisons, done or not."""
    compared = {key: entries[key].comparison for key in planned}
    raw = [c.difference.p if c else None for c in compared.values()]
    result = dict(entries)
    for (key, comparison), p in zip(compared.items(), holm(raw), strict=True):
        if comparison is not None:
            whole = _judged(comparison, p, len(raw))
            result[key] = replace(entries[key], comparison=whole)
    return result


def _judged(comparison: Comparison, p: float | None, comparisons: int) -> Comparison:
    words = verdict(comparison.difference, p)
    smallest = comparison.difference.smallest(comparisons) if words == NOTHING else None
    return replace(comparison, adjusted=p, verdict=words, detectable=smallest)


def stored(store: Store) -> list[Report]:
    """Reports of everything that was planned, one for each way of training.

    Results that belong to no plan are listed among the problems.
    """
    planned = [(plan, plan.cells) for plan in plan_file.read(store.root)]
    # Thousands of results are slow to read: once is enough.
    found = {result.cell.slug: result for result in store.results()}
    known = {cell.slug for _, cells in planned for cell in cells}
    groups: dict[object, list[tuple[Plan, Sequence[Cell]]]] = {}
    for plan, cells in planned:
        kind = tuple(getattr(plan, name) for name in _TRAINING)
        groups.setdefault(kind, []).append((plan, cells))
    unplanned = [
        (str(result.path), "no plan beside it names this cell")
        for slug, result in found.items()
        if slug not in known
    ]
    problems = (*_problems(store), *unplanned)
    return [
        _report(*_joint(group), store, lambda cell: found.get(cell.slug), problems)
        for group in groups.values()
    ]


def _joint(group: Sequence[tuple[Plan, Sequence[Cell]]]) -> tuple[Plan, Sequence[Cell]]:
    """One plan of several commands that trained alike, with all their cells.

    The rows stand as in the built-in table of that name, if there is one: the times of files that
    were copied do not tell which command came first.
    """
    all_plans = [plan for plan, _ in group]
    drawn_up = [plan.table for plan in all_plans]
    name = drawn_up[-1].name
    named = tables.get(name).all_rows() if name in tables.names() else ()
    special: dict[str, tuple[Row, ...]] = {}
    for dataset, rows in [pair for table in drawn_up for pair in table.special.items()]:
        special[dataset] = tuple(dict.fromkeys((*special.get(dataset, ()), *rows)))
    first = {row: i for i, row in enumerate(named)}
    wanted = dict.fromkeys(row for table in drawn_up for row in table.rows)
    table = replace(
        drawn_up[-1],
        rows=tuple(sorted(wanted, key=lambda row: first.get(row, len(first)))),
        special=special,
        published={key: value for table in drawn_up for key, value in table.published.items()},
    )
    targets = tuple(dict.fromkeys(target for plan in all_plans for target in plan.targets))
    place = {row: i for i, row in enumerate(table.all_rows())}
    cells = dict.fromkeys(cell for _, of in group for cell in of)
    ordered = sorted(cells, key=lambda cell: place.get(cell.row, len(place)))
    return replace(all_plans[-1], table=table, targets=targets), ordered


# What plans must share to be one report.
_TRAINING = [f.name for f in fields(Plan) if f.name not in ("table", "targets", "seeds")]
