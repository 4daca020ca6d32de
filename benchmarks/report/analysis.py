"""From stored results to a report: what is done, how it scored, and how it compares.

This module imports no deep-learning framework.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from benchmarks import tables
from benchmarks.plan.cell import Cell, Target
from benchmarks.plan.copies import TrainingCopies
from benchmarks.plan.plan import Plan
from benchmarks.plan.table import Row, Table
from benchmarks.results import copies_file, cost_file, plan_file
from benchmarks.results.predictions import Outcomes, pooled
from benchmarks.results.store import Result, Store
from benchmarks.statistics.mcnemar import McNemar, mcnemar
from benchmarks.statistics.multiplicity import holm
from benchmarks.statistics.paired import NO_DIFFERENCE, Difference, compare, verdict
from benchmarks.statistics.scores import ClassificationScores, score

ReadResult = Callable[[Cell], Result | None]


@dataclass(frozen=True)
class Comparison:
    """A row compared with its reference, paired by seed and image.

    Attributes:
        reference: the row it is compared with.
        difference: in points, with its interval.
        mcnemar: McNemar's test, given the trained networks.
        adjusted: p-value adjusted for all comparisons of the report (Holm); None for a single seed.
        verdict: "better", "worse" or "no detectable difference"; "" if no verdict is allowed.
        detectable: if there is no detectable difference, the smallest one in points that would
            have been detected with 80 % power; 100 or more if there is none, None if unknown.
        without_copies: the difference on the test images without a copy in the training part; None
            if there are no copies, or nothing else.
    """

    reference: Row
    difference: Difference
    mcnemar: McNemar
    without_copies: Difference | None = None
    adjusted: float | None = None
    verdict: str = ""
    detectable: float | None = None


@dataclass(frozen=True)
class Entry:
    """A row of a table on one target.

    Attributes:
        row, target: which row and target.
        done: results of the finished cells.
        failed: results of the failed cells.
        missing: planned cells without a result.
        seeds: the seeds whose folds are all done, in ascending order; `scores` are theirs.
        scores: scores of each of these seeds, over all test images, folds pooled.
        outcomes: which test images these seeds predict correctly; None if there is no such seed.
        copies: bool (n,), which of them equal an image of the training part; None if none does, or
            if that is unknown.
        comparison: with the reference; None for the reference itself, or if one of the two has no
            finished seed in common with the other.
        published: accuracy in percent, if a figure was published.
        cost: see `benchmarks.train.cost.cost`; None if it was not measured.
    """

    row: Row
    target: Target
    done: tuple[Result, ...]
    failed: tuple[Result, ...]
    missing: tuple[Cell, ...]
    seeds: tuple[int, ...] = ()
    scores: tuple[ClassificationScores, ...] = ()
    outcomes: Outcomes | None = None
    copies: np.ndarray | None = field(default=None, compare=False)
    comparison: Comparison | None = None
    published: float | None = None
    cost: Mapping[str, Any] | None = None

    @property
    def planned(self) -> int:
        """Number of planned cells."""
        return len(self.cells)

    @property
    def cells(self) -> list[Cell]:
        """The planned cells: finished, failed, missing."""
        return [*(result.cell for result in (*self.done, *self.failed)), *self.missing]


@dataclass(frozen=True)
class TableReport:
    """A table with its entries.

    Attributes:
        table: its rows and published figures.
        plan: settings, variant and backend, common to all entries.
        targets: datasets with their splits.
        entries: by row and target; a row that a target does not have is absent.
        pairs: by row and target, the row and target it is compared with, done or not.
        copies: by target, the test images that equal a training image, where that is known.
        problems: folders of the store without a valid result, each with the reason.
    """

    table: Table
    plan: Plan
    targets: tuple[Target, ...]
    entries: Mapping[tuple[Row, Target], Entry] = field(default_factory=dict)
    pairs: Mapping[tuple[Row, Target], tuple[Row, Target]] = field(default_factory=dict)
    copies: Mapping[Target, TrainingCopies] = field(default_factory=dict)
    problems: tuple[tuple[str, str], ...] = ()

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """All rows, in the order of the table."""
        return tuple(dict.fromkeys(row for row, _ in self.entries))

    def of(self, target: Target) -> tuple[Entry, ...]:
        """The entries of a target."""
        return tuple(entry for entry in self.entries.values() if entry.target == target)


def report(plan: Plan, cells: Iterable[Cell], store: Store) -> TableReport:
    """Reports on planned cells: what is done, failed and missing, and the statistics.

    Raises:
        ValueError: results that should have the same test images have not.
    """
    return _report(plan, cells, store, store.read, _problems(store))


def _problems(store: Store) -> tuple[tuple[str, str], ...]:
    return tuple((str(path), reason) for path, reason in store.problems())


def _report(
    plan: Plan,
    cells: Iterable[Cell],
    store: Store,
    read: ReadResult,
    problems: tuple[tuple[str, str], ...],
) -> TableReport:
    groups: dict[tuple[Row, Target], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.row, cell.target), []).append(cell)
    found = {target: copies_file.read(store.root, target) for target in plan.targets}
    copies = {target: known for target, known in found.items() if known is not None}
    measured = {
        key: _measure(key, group, plan.table, read, copies.get(key[1], TrainingCopies()))
        for key, group in groups.items()
    }
    pairs = _pairs(groups, plan.table)
    entries = {
        key: replace(_compared(key, measured, pairs), cost=cost_file.read(store.root, group[0]))
        for key, group in groups.items()
    }
    return TableReport(
        plan.table, plan, plan.targets, _adjusted(entries, pairs), pairs, copies, problems
    )


def _pairs(
    keys: Iterable[tuple[Row, Target]], table: Table
) -> dict[tuple[Row, Target], tuple[Row, Target]]:
    """For each row and target the one it is compared with, done or not."""
    wanted = {(row, target): (table.reference(row, target.dataset), target) for row, target in keys}
    return {key: other for key, other in wanted.items() if other != key and other in wanted}


def _measure(
    key: tuple[Row, Target],
    cells: Sequence[Cell],
    table: Table,
    read: ReadResult,
    copies: TrainingCopies,
) -> Entry:
    """An entry without its comparison."""
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
        seed: pooled([result.predictions() for result in of])
        for seed, of in sorted(by_seed.items())
        if len(of) == len(target.folds)
    }
    if not whole:
        return entry
    scores = tuple(score(p.probabilities, p.labels, duplicate=p.duplicate) for p in whole.values())
    outcomes = Outcomes.of(whole, f"{row.label} on {target.dataset}")
    copied = np.isin(outcomes.sample, copies.rows)
    return replace(
        entry,
        seeds=tuple(whole),
        scores=scores,
        outcomes=outcomes,
        copies=copied if copied.any() else None,
    )


def _compared(
    key: tuple[Row, Target],
    measured: Mapping[tuple[Row, Target], Entry],
    pairs: Mapping[tuple[Row, Target], tuple[Row, Target]],
) -> Entry:
    entry = measured[key]
    mine = entry.outcomes
    if key not in pairs or mine is None:
        return entry
    reference, target = pairs[key]
    other = measured[pairs[key]].outcomes
    seeds = [seed for seed in mine.correct if other and seed in other.correct]
    if other is None or not seeds:
        return entry
    if not np.array_equal(mine.sample, other.sample):
        raise ValueError(
            f"{entry.row.label} and {reference.label} were not tested on the same images of "
            f"{target.dataset}."
        )
    ours = np.stack([mine.correct[seed] for seed in seeds])
    theirs = np.stack([other.correct[seed] for seed in seeds])
    gains = ours.astype(np.int8) - theirs.astype(np.int8)
    comparison = Comparison(
        reference,
        compare(gains, mine.clusters),
        mcnemar(ours, theirs),
        without_copies=_without_copies(gains, mine.clusters, entry.copies),
    )
    return replace(entry, comparison=comparison)


def _without_copies(
    gains: np.ndarray, clusters: np.ndarray | None, copies: np.ndarray | None
) -> Difference | None:
    if copies is None or copies.all():
        return None
    return compare(gains[:, ~copies], None if clusters is None else clusters[~copies])


def _adjusted(
    entries: Mapping[tuple[Row, Target], Entry], planned: Iterable[tuple[Row, Target]]
) -> dict[tuple[Row, Target], Entry]:
    """The entries with p-values adjusted for all planned comparisons, done or not."""
    compared = {key: entries[key].comparison for key in planned}
    raw = [c.difference.p if c else None for c in compared.values()]
    result = dict(entries)
    for (key, comparison), p in zip(compared.items(), holm(raw), strict=True):
        if comparison is not None:
            difference = comparison.difference
            found = verdict(difference, p)
            least = difference.smallest(len(raw)) if found == NO_DIFFERENCE else None
            judged = replace(comparison, adjusted=p, verdict=found, detectable=least)
            result[key] = replace(entries[key], comparison=judged)
    return result


def stored(store: Store) -> list[TableReport]:
    """Reports on everything that was planned, one for each way of training and set of references.

    Results that belong to no plan are listed among the problems.
    """
    planned = [(plan, plan.cells) for plan in plan_file.read(store.root)]
    # Thousands of results are slow to read: once is enough.
    found = {result.cell.slug: result for result in store.results()}
    known = {cell.slug for _, cells in planned for cell in cells}
    groups: dict[object, list[tuple[Plan, Sequence[Cell]]]] = {}
    for plan, cells in planned:
        chosen = sorted(plan.table.chosen.items())
        kind = (*(getattr(plan, name) for name in _TRAINING), *chosen)
        groups.setdefault(kind, []).append((plan, cells))
    unplanned = [
        (str(result.path), "no plan next to it names this cell")
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

    The rows are in the order of the built-in table of that name, if there is one, because the times
    of copied files do not show which command came first.
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


# What plans must share to be one report, besides the rows that others are compared with.
_TRAINING = [f.name for f in fields(Plan) if f.name not in ("table", "targets", "seeds")]
