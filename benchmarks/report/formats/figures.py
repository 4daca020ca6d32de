"""The figures of a report, common to all formats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from benchmarks.plan.plan import Target
from benchmarks.plan.table import Row
from benchmarks.report.analysis import Comparison, Entry, TableReport
from benchmarks.statistics.mcnemar import McNemar
from benchmarks.statistics.paired import Difference
from benchmarks.statistics.scores import ClassificationScores, mean_and_sd


@dataclass(frozen=True)
class RowFigures:
    """The figures of a row on one target; None if unknown.

    Each cached property is a figure and, in this order, a column of the CSV file. Shares are in
    percent, differences in points.

    Attributes:
        entry: the row with its results.
    """

    entry: Entry

    @cached_property
    def backbone(self) -> str:
        return self.row.backbone

    @cached_property
    def attention(self) -> str:
        return self.row.network

    @cached_property
    def setting(self) -> str:
        return self.row.setting

    @cached_property
    def parameters(self) -> int | None:
        return self._metric("parameters")

    @cached_property
    def multiply_adds(self) -> int | None:
        """For one image."""
        return self._metric("multiply_adds")

    @cached_property
    def step_ratio(self) -> float | None:
        """Time of a training step relative to the same backbone without attention."""
        return self.entry.cost["ratio"]["step"]["median"] if self.entry.cost else None

    @cached_property
    def latency_ratio(self) -> float | None:
        """Time to predict one image relative to the same backbone without attention."""
        return self.entry.cost["ratio"]["image"]["median"] if self.entry.cost else None

    @cached_property
    def seeds(self) -> int:
        """Number of seeds whose folds are all done."""
        return len(self.entry.seeds)

    @cached_property
    def seeds_planned(self) -> int:
        done = [result.cell for result in (*self.entry.done, *self.entry.failed)]
        return len({cell.seed for cell in (*done, *self.entry.missing)})

    @cached_property
    def n(self) -> int | None:
        """Number of test images."""
        return self._first.n_test if self._first else None

    @cached_property
    def majority(self) -> float | None:
        """Accuracy of always predicting the most frequent class of the test images."""
        if self._first is None:
            return None
        images = [sum(row) for row in self._first.confusion]
        return 100 * max(images) / sum(images)

    @cached_property
    def accuracy(self) -> float | None:
        """Mean over the seeds."""
        scores = self.entry.scores
        return mean_and_sd([100 * s.accuracy for s in scores])[0] if scores else None

    @cached_property
    def sd(self) -> float | None:
        """Standard deviation of the accuracy over seeds, or over all runs if there are folds."""
        if not self.entry.scores:
            return None
        accuracies = [score.accuracy for score in self.entry.scores]
        if len(self.entry.target.folds) > 1:
            runs = [run for run in self.entry.done if run.cell.seed in self.entry.seeds]
            accuracies = [run.record["metrics"]["accuracy"] for run in runs]
        return mean_and_sd([100 * accuracy for accuracy in accuracies])[1]

    @cached_property
    def best_seed(self) -> float | None:
        """Highest accuracy of a seed, as when a run is selected by its test accuracy."""
        return 100 * max(s.accuracy for s in self.entry.scores) if self.entry.scores else None

    @cached_property
    def macro_f1(self) -> float | None:
        """Mean over the seeds."""
        return self._mean(s.macro_f1 for s in self.entry.scores)

    @cached_property
    def calibration_error(self) -> float | None:
        """Expected calibration error, mean over the seeds."""
        return self._mean(s.calibration for s in self.entry.scores)

    @cached_property
    def loss(self) -> float | None:
        """Mean negative log likelihood in nats."""
        return float(np.mean([s.loss for s in self.entry.scores])) if self.entry.scores else None

    @cached_property
    def n_without_duplicates(self) -> int | None:
        """Number of test images that duplicate no other image."""
        return self._first.n_without_duplicates if self._first else None

    @cached_property
    def without_duplicates(self) -> float | None:
        """Accuracy on these, mean over the seeds."""
        return self._mean(s.accuracy_without_duplicates for s in self.entry.scores)

    @cached_property
    def reference(self) -> str:
        """Label of the row it is compared with."""
        return self._comparison.reference.label if self._comparison else ""

    @cached_property
    def difference(self) -> float | None:
        """Accuracy minus that of the reference."""
        return self._difference.mean if self._difference else None

    @cached_property
    def low(self) -> float | None:
        """Lower limit of the difference's 95 % interval."""
        return self._difference.low if self._difference else None

    @cached_property
    def high(self) -> float | None:
        """Upper limit of the difference's 95 % interval."""
        return self._difference.high if self._difference else None

    @cached_property
    def p(self) -> float | None:
        """P-value of no difference."""
        return self._difference.p if self._difference else None

    @cached_property
    def p_holm(self) -> float | None:
        """`p` adjusted for all comparisons of the report."""
        return self._comparison.adjusted if self._comparison else None

    @cached_property
    def verdict(self) -> str:
        """See `benchmarks.report.analysis.Comparison`."""
        return self._comparison.verdict if self._comparison else ""

    @cached_property
    def detectable(self) -> float | None:
        """See `benchmarks.report.analysis.Comparison`."""
        return self._comparison.detectable if self._comparison else None

    @cached_property
    def network_only(self) -> int | None:
        """Images that only this network predicts correctly."""
        return self._mcnemar.network_only if self._mcnemar else None

    @cached_property
    def reference_only(self) -> int | None:
        """Images that only the reference predicts correctly."""
        return self._mcnemar.reference_only if self._mcnemar else None

    @cached_property
    def p_mcnemar(self) -> float | None:
        """P-value of McNemar's test."""
        return self._mcnemar.p if self._mcnemar else None

    @cached_property
    def published(self) -> float | None:
        """Published accuracy."""
        return self.entry.published

    @cached_property
    def beyond_published(self) -> float | None:
        """Accuracy minus the published accuracy."""
        if self.accuracy is None or self.published is None:
            return None
        return self.accuracy - self.published

    @cached_property
    def done(self) -> int:
        """Number of finished cells."""
        return len(self.entry.done)

    @cached_property
    def failed(self) -> int:
        """Number of failed cells."""
        return len(self.entry.failed)

    @cached_property
    def missing(self) -> int:
        """Number of planned cells without a result."""
        return len(self.entry.missing)

    @cached_property
    def reason(self) -> str:
        """Why cells failed."""
        return "; ".join(dict.fromkeys(reason(result.record) for result in self.entry.failed))

    @property
    def row(self) -> Row:
        return self.entry.row

    @property
    def label(self) -> str:
        return self.row.label

    @property
    def complete(self) -> bool:
        """Whether all planned cells are done."""
        return not self.failed and not self.missing

    @property
    def confusion(self) -> np.ndarray | None:
        """Number of test images by true and predicted class, summed over the seeds."""
        scores = self.entry.scores
        return np.sum([s.confusion for s in scores], axis=0) if scores else None

    @property
    def _first(self) -> ClassificationScores | None:
        return self.entry.scores[0] if self.entry.scores else None

    @property
    def _comparison(self) -> Comparison | None:
        return self.entry.comparison

    @property
    def _difference(self) -> Difference | None:
        return self._comparison.difference if self._comparison else None

    @property
    def _mcnemar(self) -> McNemar | None:
        return self._comparison.mcnemar if self._comparison else None

    def _metric(self, name: str) -> Any:
        """A metric of the network itself, which all finished cells share."""
        return self.entry.done[0].record["metrics"][name] if self.entry.done else None

    def _mean(self, shares: Iterable[float | None]) -> float | None:
        """Mean in percent; None if there is no share or one is unknown."""
        given = list(shares)
        known = [share for share in given if share is not None]
        return 100 * float(np.mean(known)) if known and len(known) == len(given) else None


FIGURES = tuple(
    name for name, value in vars(RowFigures).items() if isinstance(value, cached_property)
)
"""Names of all figures, in order."""


@dataclass(frozen=True)
class Section:
    """One target of a report.

    Attributes:
        target: dataset and split.
        rows: in the order of the table.
        picked: whether to show the best seed, as published figures were picked.
    """

    target: Target
    rows: tuple[RowFigures, ...]
    picked: bool

    @cached_property
    def n(self) -> int | None:
        """Number of test images, if all measured rows agree."""
        found = {row.n for row in self.rows if row.seeds}
        return found.pop() if len(found) == 1 else None

    @cached_property
    def seeds(self) -> int | None:
        """Number of seeds, if all complete rows agree."""
        found = {row.seeds for row in self.rows if row.complete}
        return found.pop() if len(found) == 1 else None


@dataclass(frozen=True)
class ReportFigures:
    """A report in sections, one for each target."""

    report: TableReport
    sections: tuple[Section, ...]

    @classmethod
    def of(cls, report: TableReport) -> ReportFigures:
        """Returns the figures of a report; a target without rows has no section."""
        sections = []
        for target in report.targets:
            rows = tuple(RowFigures(entry) for entry in report.of(target))
            picked = "published" in (report.plan.variant, target.protocol)
            if rows:
                sections.append(Section(target, rows, picked))
        return cls(report, tuple(sections))

    @property
    def title(self) -> str:
        return self.report.table.title

    @property
    def rows(self) -> tuple[RowFigures, ...]:
        """The rows of all sections."""
        return tuple(row for section in self.sections for row in section.rows)


def reason(record: Mapping[str, Any]) -> str:
    """Returns why a cell failed, in one line."""
    lines = str(record["error"]).strip().splitlines()
    return lines[0] if lines else "no reason was stored"


def counted(count: int, noun: str) -> str:
    """Returns `1 seed`, `2 seeds`, `1,234 images`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
