"""What every format shows of a report: its figures, made once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from benchmarks.plan.plan import Target
from benchmarks.plan.table import Row
from benchmarks.report.analysis import Entry, Report


@dataclass(frozen=True)
class Figures:
    """A row of a table on one target in figures; None where there is none.

    Shares are in percent, differences in points.

    Attributes:
        step_ratio, latency_ratio: time of a training step, and of predicting one image, relative to
            the same backbone without attention.
        seeds, seeds_planned: seeds all of whose folds are done, and those asked for.
        n: test images.
        majority: share of the most frequent class among them: what guessing it would score.
        sd: standard deviation of the accuracy over seeds, and over folds where there are several.
        best_seed: highest accuracy of a seed.
        calibration_error: expected calibration error.
        loss: mean negative log likelihood, in nats.
        n_without_duplicates, without_duplicates: of the test images that are no duplicate.
        reference: label of the row that it is compared to.
        difference, low, high: accuracy minus the reference's, with its 95 % interval.
        p, p_holm: of no difference; the latter adjusted over the report.
        verdict: see `benchmarks.report.analysis.Comparison`, as `detectable`.
        network_only, reference_only, p_mcnemar: discordant images, and McNemar's test.
        beyond_published: accuracy minus the published one.
        done, failed, missing: cells.
        reason: why cells failed.
    """

    backbone: str
    attention: str
    setting: str
    parameters: int | None
    multiply_adds: int | None
    step_ratio: float | None
    latency_ratio: float | None
    seeds: int
    seeds_planned: int
    n: int | None
    majority: float | None
    accuracy: float | None
    sd: float | None
    best_seed: float | None
    macro_f1: float | None
    calibration_error: float | None
    loss: float | None
    n_without_duplicates: int | None
    without_duplicates: float | None
    reference: str
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    verdict: str
    detectable: float | None
    network_only: int | None
    reference_only: int | None
    p_mcnemar: float | None
    published: float | None
    beyond_published: float | None
    done: int
    failed: int
    missing: int
    reason: str

    @property
    def whole(self) -> bool:
        """Whether every planned cell is done."""
        return not self.failed and not self.missing


@dataclass(frozen=True)
class Line:
    """A row of a table on one target: the entry, and its figures."""

    entry: Entry
    figures: Figures

    @property
    def row(self) -> Row:
        return self.entry.row


@dataclass(frozen=True)
class Section:
    """One target of a report.

    Attributes:
        target: dataset and split.
        lines: its rows, in the table's order.
        picked: whether the best seed is shown, as where published figures were picked so.
    """

    target: Target
    lines: tuple[Line, ...]
    picked: bool

    @cached_property
    def n(self) -> int | None:
        """Test images, if all measured rows agree on them."""
        found = {line.figures.n for line in self.lines if line.figures.seeds}
        return found.pop() if len(found) == 1 else None

    @cached_property
    def seeds(self) -> int | None:
        """Seeds, if all rows that lack none agree on them."""
        found = {f.seeds for f in (line.figures for line in self.lines) if f.whole}
        return found.pop() if len(found) == 1 else None


@dataclass(frozen=True)
class View:
    """A report in sections, one for each target."""

    report: Report
    sections: tuple[Section, ...]

    @property
    def title(self) -> str:
        return self.report.table.title

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines of all sections."""
        return tuple(line for section in self.sections for line in section.lines)


def view(report: Report) -> View:
    """The figures of a report."""
    sections = []
    for target in report.targets:
        lines = tuple(Line(entry, figures(entry)) for entry in report.of(target))
        picked = "published" in (report.plan.variant, target.protocol)
        if lines:
            sections.append(Section(target, lines, picked))
    return View(report, tuple(sections))


def figures(entry: Entry) -> Figures:
    """An entry's figures."""
    first = entry.scores[0] if entry.scores else None
    accuracy, sd = entry.accuracy or (None, None)
    comparison = entry.comparison
    difference = comparison.difference if comparison else None
    mcnemar = comparison.mcnemar if comparison else None
    step_ratio, latency_ratio = entry.time_ratios
    known = accuracy is not None and entry.published is not None
    return Figures(
        backbone=entry.row.backbone,
        attention=entry.row.network,
        setting=entry.row.setting,
        parameters=entry.parameters,
        multiply_adds=entry.multiply_adds,
        step_ratio=step_ratio,
        latency_ratio=latency_ratio,
        seeds=len(entry.seeds),
        seeds_planned=len(_planned_seeds(entry)),
        n=first.n_test if first else None,
        majority=_majority(first.confusion) if first else None,
        accuracy=accuracy,
        sd=sd,
        best_seed=entry.best,
        macro_f1=entry.macro_f1,
        calibration_error=entry.calibration_error,
        loss=float(np.mean([s.loss for s in entry.scores])) if first else None,
        n_without_duplicates=first.n_without_duplicates if first else None,
        without_duplicates=entry.without_duplicates,
        reference=comparison.reference.label if comparison else "",
        difference=difference.mean if difference else None,
        low=difference.low if difference else None,
        high=difference.high if difference else None,
        p=difference.p if difference else None,
        p_holm=comparison.adjusted if comparison else None,
        verdict=comparison.verdict if comparison else "",
        detectable=comparison.detectable if comparison else None,
        network_only=mcnemar.network_only if mcnemar else None,
        reference_only=mcnemar.reference_only if mcnemar else None,
        p_mcnemar=mcnemar.p if mcnemar else None,
        published=entry.published,
        beyond_published=accuracy - entry.published if known else None,  # type: ignore[operator]
        done=len(entry.done),
        failed=len(entry.failed),
        missing=len(entry.missing),
        reason="; ".join(dict.fromkeys(reason(r.record) for r in entry.failed)),
    )


def reason(record: dict[str, object]) -> str:
    """Why a cell failed, in one line."""
    lines = str(record.get("error", "")).strip().splitlines()
    return lines[0] if lines else "no reason was stored"


def counted(count: int, what: str) -> str:
    """`1 seed`, `2 seeds`, `1,234 images`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _planned_seeds(entry: Entry) -> set[int]:
    cells = [*(r.cell for r in (*entry.done, *entry.failed)), *entry.missing]
    return {cell.seed for cell in cells}


def _majority(confusion: tuple[tuple[int, ...], ...]) -> float:
    images = [sum(row) for row in confusion]
    return 100 * max(images) / sum(images)
