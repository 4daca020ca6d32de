"""The figures of a report, common to all formats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from benchmarks.plan.plan import Target
from benchmarks.plan.table import Row
from benchmarks.report.analysis import Comparison, Entry, TableReport
from benchmarks.statistics.scores import mean_and_sd


@dataclass(frozen=True, kw_only=True)
class RowFigures:
    """The figures of a row on one target; None if unknown.

    Each attribute after `entry` is, in this order, a column of the CSV file. Shares are in percent,
    differences in points.

    Attributes:
        entry: the row with its results.
        backbone, attention, setting: the network and its training in words.
        parameters: number of parameters of the network.
        multiply_adds: for one image.
        step_ratio: time of a training step relative to the same backbone without attention.
        latency_ratio: time to predict one image relative to the same backbone without attention.
        seeds: number of seeds whose folds are all done.
        seeds_planned: number of planned seeds.
        n: number of test images.
        majority: accuracy of always predicting the most frequent class of the test images.
        accuracy: mean over the seeds.
        sd: standard deviation of the accuracy over seeds, or over all runs if there are folds.
        best_seed: highest accuracy of a seed, as when a run is selected by its test accuracy.
        macro_f1: mean over the seeds.
        calibration_error: expected calibration error, mean over the seeds.
        loss: mean negative log likelihood in nats.
        n_without_duplicates: number of test images that duplicate no other image.
        without_duplicates: accuracy on these, mean over the seeds.
        n_copies: number of test images that equal an image of the training part.
        on_copies: accuracy on these, mean over the seeds.
        without_copies: accuracy on the other test images, mean over the seeds.
        worth_of_copies: accuracy on all test images minus `without_copies`.
        reference: label of the row it is compared with; "" if none.
        difference: accuracy minus that of the reference.
        low, high: limits of the difference's 95 % interval.
        difference_without_copies, low_without_copies, high_without_copies: the same without the
            images that equal one of the training part.
        p: p-value of no difference.
        p_holm: `p` adjusted for all comparisons of the report.
        verdict, detectable: see `benchmarks.report.analysis.Comparison`.
        network_only: images that only this network predicts correctly.
        reference_only: images that only the reference predicts correctly.
        p_mcnemar: p-value of McNemar's test.
        published: published accuracy.
        beyond_published: accuracy minus the published accuracy.
        done, failed, missing: number of finished, failed and planned cells without a result.
        reason: why cells failed.
    """

    entry: Entry
    backbone: str
    attention: str
    setting: str
    parameters: int | None = None
    multiply_adds: int | None = None
    step_ratio: float | None = None
    latency_ratio: float | None = None
    seeds: int
    seeds_planned: int
    n: int | None = None
    majority: float | None = None
    accuracy: float | None = None
    sd: float | None = None
    best_seed: float | None = None
    macro_f1: float | None = None
    calibration_error: float | None = None
    loss: float | None = None
    n_without_duplicates: int | None = None
    without_duplicates: float | None = None
    n_copies: int | None = None
    on_copies: float | None = None
    without_copies: float | None = None
    worth_of_copies: float | None = None
    reference: str = ""
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    difference_without_copies: float | None = None
    low_without_copies: float | None = None
    high_without_copies: float | None = None
    p: float | None = None
    p_holm: float | None = None
    verdict: str = ""
    detectable: float | None = None
    network_only: int | None = None
    reference_only: int | None = None
    p_mcnemar: float | None = None
    published: float | None = None
    beyond_published: float | None = None
    done: int
    failed: int
    missing: int
    reason: str

    @classmethod
    def of(cls, entry: Entry) -> RowFigures:
        """Returns the figures of an entry."""
        return cls(
            entry=entry,
            backbone=entry.row.backbone,
            attention=entry.row.network,
            setting=entry.row.setting,
            seeds=len(entry.seeds),
            seeds_planned=len({cell.seed for cell in entry.cells}),
            done=len(entry.done),
            failed=len(entry.failed),
            missing=len(entry.missing),
            reason="; ".join(dict.fromkeys(reason(result.record) for result in entry.failed)),
            published=entry.published,
            **_cost(entry),
            **_scores(entry),
            **_copies(entry),
            **_comparison(entry.comparison),
        )

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
    def copied(self) -> np.ndarray:
        """Rows of the dataset, among the test images, that equal a training image."""
        outcomes, copies = self.entry.outcomes, self.entry.copies
        return np.array([], int) if outcomes is None or copies is None else outcomes.sample[copies]

    @property
    def confusion(self) -> np.ndarray | None:
        """Number of test images by true and predicted class, summed over the seeds."""
        scores = self.entry.scores
        return np.sum([s.confusion for s in scores], axis=0) if scores else None


FIGURES = tuple(field.name for field in fields(RowFigures) if field.name != "entry")
"""Names of all figures, in order."""


def _cost(entry: Entry) -> dict[str, Any]:
    """Figures of the network itself, which all finished cells share."""
    found: dict[str, Any] = {}
    if entry.done:
        metrics = entry.done[0].record["metrics"]
        found = {name: metrics[name] for name in ("parameters", "multiply_adds")}
    if entry.cost:
        ratio = entry.cost["ratio"]
        found["step_ratio"] = ratio["step"]["median"]
        found["latency_ratio"] = ratio["image"]["median"]
    return found


def _scores(entry: Entry) -> dict[str, Any]:
    scores = entry.scores
    if not scores:
        return {}
    first = scores[0]
    images = [sum(row) for row in first.confusion]
    runs = [score.accuracy for score in scores]
    accuracy, sd = mean_and_sd([100 * value for value in runs])
    best = 100 * max(runs)
    if len(entry.target.folds) > 1:
        done = [result for result in entry.done if result.cell.seed in entry.seeds]
        runs = [result.record["metrics"]["accuracy"] for result in done]
        _, sd = mean_and_sd([100 * value for value in runs])
    return {
        "n": first.n_test,
        "majority": 100 * max(images) / sum(images),
        "accuracy": accuracy,
        "sd": sd,
        "best_seed": best,
        "macro_f1": _mean(s.macro_f1 for s in scores),
        "calibration_error": _mean(s.calibration for s in scores),
        "loss": float(np.mean([s.loss for s in scores])),
        "n_without_duplicates": first.n_without_duplicates,
        "without_duplicates": _mean(s.accuracy_without_duplicates for s in scores),
        "beyond_published": None if entry.published is None else accuracy - entry.published,
    }


def _copies(entry: Entry) -> dict[str, Any]:
    if entry.copies is None or entry.outcomes is None:
        return {}
    correct = np.stack(list(entry.outcomes.correct.values()))
    found = {"n_copies": int(entry.copies.sum()), "on_copies": _percent(correct[:, entry.copies])}
    if not entry.copies.all():
        without = _percent(correct[:, ~entry.copies])
        found |= {"without_copies": without, "worth_of_copies": _percent(correct) - without}
    return found


def _percent(correct: np.ndarray) -> float:
    return 100 * float(correct.mean())


def _comparison(comparison: Comparison | None) -> dict[str, Any]:
    if comparison is None:
        return {}
    difference, mcnemar = comparison.difference, comparison.mcnemar
    without = comparison.without_copies
    return {
        "reference": comparison.reference.label,
        "difference": difference.mean,
        "low": difference.low,
        "high": difference.high,
        "difference_without_copies": without.mean if without else None,
        "low_without_copies": without.low if without else None,
        "high_without_copies": without.high if without else None,
        "p": difference.p,
        "p_holm": comparison.adjusted,
        "verdict": comparison.verdict,
        "detectable": comparison.detectable,
        "network_only": mcnemar.network_only,
        "reference_only": mcnemar.reference_only,
        "p_mcnemar": mcnemar.p,
    }


def _mean(shares: Iterable[float | None]) -> float | None:
    """Mean in percent; None if one is unknown."""
    values = list(shares)
    return None if None in values else 100 * float(np.mean(np.array(values, float)))


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
    def n_copies(self) -> int | None:
        """Number of test images that equal a training image; None if none, or if rows differ."""
        found = {row.n_copies for row in self.rows if row.seeds}
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
            rows = tuple(RowFigures.of(entry) for entry in report.of(target))
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
