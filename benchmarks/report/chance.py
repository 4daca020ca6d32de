"""Estimates how often a report would show a gain that is not there, from its runs.

Three comparisons, each of one run against one, of the best of three against one and of the best of
three against the best of three, on test sets of the sizes in the published table and on all images:

- runs of the same network: nothing differs but the seed;
- if a network has too few seeds for that, runs of the networks that share backbone and reference,
  with names assigned at random: a gain means nothing here either, but real differences between the
  networks widen the spread;
- a network with attention against its reference, as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from benchmarks.plan.cell import Target
from benchmarks.plan.table import Row, published_accuracies
from benchmarks.report.analysis import Entry, TableReport
from benchmarks.statistics.chance import (
    Contest,
    GainDistribution,
    RandomTestSets,
    disagreement,
    easier,
)

SAME, SHUFFLED, REAL = "same network", "names shuffled", "attention against none"
MODULES = "best of {} modules against one"
SIDES = {
    (1, 1): "one run against one",
    (3, 1): "best of three against one",
    (3, 3): "best of three against best of three",
}
# Test images of the published table, in which FER2013's two test parts are one.
PUBLISHED_SIZES = {"jaffe": 45, "ckplus": 182, "fer2013": 7178}
_ROUNDING = 0.0101  # two published figures are rounded to two digits


@dataclass(frozen=True, eq=False)
class ChanceLine:
    """The gains of one kind of comparison on test sets of one size.

    Attributes:
        n: number of test images.
        kind: `SAME`, `SHUFFLED` or `REAL`.
        sides: what is compared, such as "one run against one".
        networks: labels of the networks whose runs are compared.
        runs: number of different runs among them.
        accuracy: mean accuracy of all runs, in percent.
        easier: whether easy images were added, see `benchmarks.statistics.chance.easier`, until
            this is the median accuracy in the published table.
        gains: their distribution.
    """

    n: int
    kind: str
    sides: str
    networks: tuple[str, ...]
    runs: int
    accuracy: float
    easier: bool
    gains: GainDistribution


@dataclass(frozen=True)
class PublishedGains:
    """The gains of the published table on a dataset.

    Attributes:
        dataset: its name.
        n: number of test images.
        accuracy: median of all networks, in percent.
        points: gains of the networks with attention.
    """

    dataset: str
    n: int
    accuracy: float
    points: tuple[float, ...]

    def inside(self, distribution: GainDistribution) -> int:
        """Number of gains within the distribution's 95 % span."""
        low, high = distribution.span()
        return sum(low - _ROUNDING <= gain <= high + _ROUNDING for gain in self.points)

    @property
    def positive(self) -> int:
        """Number of gains above 0."""
        return sum(gain > 0 for gain in self.points)


@dataclass(frozen=True)
class ChanceReport:
    """The gains by chance of one target of a report.

    Attributes:
        report, target: what it is about.
        seeds: by the label of each network, its finished seeds.
        images: number of test images that test sets are drawn from.
        accuracy: range over all runs, in percent.
        disagreement: mean percentage of images that exactly one of two runs of the same network
            predicts correctly.
        lines: by size, kind and sides; what the seeds do not suffice for is absent.
        published: by the number of test images of a line, the published gains shown next to it.
    """

    report: TableReport
    target: Target
    seeds: Mapping[str, tuple[int, ...]]
    images: int
    accuracy: tuple[float, float]
    disagreement: float
    lines: tuple[ChanceLine, ...]
    published: Mapping[int, PublishedGains]

    @property
    def sizes(self) -> list[int]:
        """Numbers of test images, in ascending order."""
        return sorted({line.n for line in self.lines})

    def null(self, n: int, easier: bool = False) -> tuple[ChanceLine, ...]:
        """The lines of a size without a difference, in the order of `SIDES`."""
        found = {
            line.sides: line
            for line in self.lines
            if (line.n, line.easier) == (n, easier) and line.kind != REAL
        }
        return tuple(found[sides] for sides in SIDES.values() if sides in found)


def chance_reports(reports: Sequence[TableReport]) -> list[ChanceReport]:
    """Returns the gains by chance for each target that has a network with two seeds.

    Raises:
        ValueError: there is none, or networks of a target were tested on different images.
    """
    found = [_of_target(report, target) for report in reports for target in report.targets]
    built = [one for one in found if one is not None]
    if not built:
        entries = [entry for report in reports for entry in report.entries.values()]
        most = max((len(entry.seeds) for entry in entries), default=0)
        raise ValueError(
            "Gains by chance need a network with at least two finished seeds, got "
            f"{len(entries)} networks with at most {most}."
        )
    return built


def _of_target(report: TableReport, target: Target) -> ChanceReport | None:
    entries = _distinct(report.of(target))
    if not any(len(entry.seeds) > 1 for entry in entries):
        return None
    correct, runs = _runs(entries)
    contests = {
        key: found for key, found in _contests(report, target, entries, runs).items() if found
    }
    images = correct.shape[1]
    sizes = sorted({n for n in PUBLISHED_SIZES.values() if n < images} | {images})
    published = _published(target.dataset, sizes)
    label = {run: entry.row.label for entry in entries for run in runs[entry.row]}
    same = contests[SAME, SIDES[1, 1]]
    accuracies = 100 * correct.mean(axis=1)
    return ChanceReport(
        report=report,
        target=target,
        seeds={entry.row.label: entry.seeds for entry in entries},
        images=images,
        accuracy=(float(accuracies.min()), float(accuracies.max())),
        disagreement=100 * disagreement(correct, same),
        lines=tuple(_lines(correct, contests, label, sizes, published)),
        published=published,
    )


def _distinct(entries: Sequence[Entry]) -> list[Entry]:
    """Entries with results, without controls that equal their backbone: they would count twice."""
    found = {entry.row: entry.outcomes.correct for entry in entries if entry.outcomes is not None}

    def repeats(row: Row) -> bool:
        plain = found.get(row.plain, {}) if row.matched else {}
        return all(np.array_equal(right, plain.get(seed, ())) for seed, right in found[row].items())

    return [entry for entry in entries if entry.row in found and not repeats(entry.row)]


def _lines(
    correct: np.ndarray,
    contests: Mapping[tuple[str, str], Sequence[Contest]],
    label: Mapping[int, str],
    sizes: Sequence[int],
    published: Mapping[int, PublishedGains],
) -> Iterator[ChanceLine]:
    """For each size the lines on the images as they are, then on easier ones."""
    for n in sizes:
        pools = [correct]
        if n in published:
            pools.append(easier(correct, published[n].accuracy / 100))
        for pool in pools:
            added = pool.shape != correct.shape
            if pool is not correct and not added:
                continue
            test_sets = RandomTestSets(pool, n)
            for (kind, sides), found in contests.items():
                if not (added and kind == REAL):
                    used = {r for c in found for side in (*c.first, *c.second) for r in side}
                    yield ChanceLine(
                        n=n,
                        kind=kind,
                        sides=sides,
                        networks=tuple(dict.fromkeys(label[run] for run in sorted(used))),
                        runs=len(used),
                        accuracy=100 * float(pool.mean()),
                        easier=added,
                        gains=test_sets.gains(found),
                    )


def _runs(entries: Sequence[Entry]) -> tuple[np.ndarray, dict[Row, tuple[int, ...]]]:
    """Which images each run predicts correctly, (runs, images), and the runs of each row."""
    first, rows = entries[0], list[np.ndarray]()
    runs: dict[Row, tuple[int, ...]] = {}
    for entry in entries:
        assert entry.outcomes is not None and first.outcomes is not None
        if not np.array_equal(entry.outcomes.sample, first.outcomes.sample):
            raise ValueError(
                f"{entry.row.label} and {first.row.label} were not tested on the same images of "
                f"{entry.target.dataset}."
            )
        runs[entry.row] = tuple(range(len(rows), len(rows) + len(entry.seeds)))
        rows += entry.outcomes.correct.values()
    return np.stack(rows), runs


def _contests(
    report: TableReport,
    target: Target,
    entries: Sequence[Entry],
    runs: Mapping[Row, tuple[int, ...]],
) -> dict[tuple[str, str], list[Contest]]:
    """The contests by kind and sides; none where there are too few runs."""
    groups: dict[Row, list[Row]] = {}
    for entry in entries:
        reference, _ = report.pairs.get((entry.row, target), (entry.row, target))
        alike = reference.backbone == entry.row.backbone
        groups.setdefault(reference if alike else entry.row, []).append(entry.row)
    pools = {
        SAME: [(own, own) for own in runs.values()],
        SHUFFLED: [
            (everything, everything)
            for rows in groups.values()
            if len(rows) > 1
            for everything in [tuple(chain.from_iterable(runs[row] for row in rows))]
        ],
        REAL: [
            (runs[row], runs[reference])
            for reference, rows in groups.items()
            for row in rows
            if _with_attention(row, reference) and reference in runs
        ],
    }
    found = {
        (kind, name): list(_possible(of, *numbers))
        for kind, of in pools.items()
        for numbers, name in SIDES.items()
    }
    for name in SIDES.values():
        if found[SAME, name]:
            del found[SHUFFLED, name]
    return found | dict(_of_modules(groups, runs))


def _with_attention(row: Row, reference: Row) -> bool:
    return row.attention != "none" and reference.attention == "none"


def _possible(
    pools: Sequence[tuple[tuple[int, ...], tuple[int, ...]]], first: int, second: int
) -> Iterator[Contest]:
    for one, other in pools:
        needed = (first + second,) if one == other else (first, second)
        if all(len(pool) >= n for pool, n in zip((one, other), needed, strict=False)):
            yield Contest((one,) * first, (other,) * second)


def _of_modules(
    groups: Mapping[Row, Sequence[Row]], runs: Mapping[Row, tuple[int, ...]]
) -> Iterator[tuple[tuple[str, str], list[Contest]]]:
    """One run of each module, the best of which is compared with a run of the reference."""
    found: dict[int, list[Contest]] = {}
    for reference, rows in groups.items():
        modules = [runs[row] for row in rows if _with_attention(row, reference)]
        if len(modules) > 1 and reference in runs:
            contest = Contest(tuple(modules), (runs[reference],))
            found.setdefault(len(modules), []).append(contest)
    for count, contests in found.items():
        yield (REAL, MODULES.format(count)), contests


def _published(dataset: str, sizes: Sequence[int]) -> dict[int, PublishedGains]:
    """The published gains by the size of a line: of that many images, or of this dataset."""
    own = {n: name for name, n in PUBLISHED_SIZES.items() if n in sizes}
    if dataset in PUBLISHED_SIZES:
        own.setdefault(sizes[-1], dataset)
    return {n: _on(name) for n, name in sorted(own.items())}


def _on(dataset: str) -> PublishedGains:
    found = {row: a for (row, name), a in published_accuracies().items() if name == dataset}
    gains = [round(a - found[row.plain], 2) for row, a in found.items() if row.attention != "none"]
    median = float(np.median(list(found.values())))
    return PublishedGains(dataset, PUBLISHED_SIZES[dataset], median, tuple(gains))
