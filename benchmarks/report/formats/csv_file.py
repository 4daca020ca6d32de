"""A report as CSV with unrounded figures, for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.report.formats import footnotes
from benchmarks.report.formats.figures import FIGURES, ReportFigures, RowFigures, Section

_TARGET = ("table", "variant", "backend", "training", "dataset", "protocol", "folds")
_NETWORK = ("backbone", "attention", "setting", "seeds")


def render(reports: Sequence[ReportFigures]) -> str:
    """Returns a line for each row and target, with all figures."""
    lines = (
        {**_target(report, section), **_figures(row, FIGURES)}
        for report, section, row in _walk(reports)
    )
    return csv_text([*_TARGET, *FIGURES], lines)


def render_classes(reports: Sequence[ReportFigures]) -> str:
    """Returns a line for each row, target, true class and predicted class.

    `images` is summed over the seeds; `share` is in percent of the images of the true class, so it
    is the recall if both classes are the same.
    """
    lines = (
        {**_target(report, section), **_figures(row, _NETWORK), **counts}
        for report, section, row in _walk(reports)
        for counts in _confusion(row)
    )
    return csv_text([*_TARGET, *_NETWORK, "true", "predicted", "images", "share"], lines)


def _walk(
    reports: Iterable[ReportFigures],
) -> Iterator[tuple[ReportFigures, Section, RowFigures]]:
    for report in reports:
        for section in report.sections:
            for row in section.rows:
                yield report, section, row


def _target(report: ReportFigures, section: Section) -> dict[str, Any]:
    plan, target = report.report.plan, section.target
    return {
        "table": report.report.table.name,
        "variant": plan.variant,
        "backend": plan.backend,
        "training": footnotes.training(plan.settings(target)),
        "dataset": target.dataset,
        "protocol": target.protocol,
        "folds": len(target.folds),
    }


def _figures(row: RowFigures, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _confusion(row: RowFigures) -> Iterator[dict[str, Any]]:
    confusion, names = row.confusion, row.entry.target.classes
    if confusion is None:
        return
    for (true, predicted), images in np.ndenumerate(confusion):
        total = confusion[true].sum()
        yield {
            "true": names[true],
            "predicted": names[predicted],
            "images": int(images),
            "share": 100 * float(images / total) if total else None,
        }


def csv_text(columns: Sequence[str], lines: Iterable[Mapping[str, Any]]) -> str:
    """Returns a heading and a line for each mapping."""
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return file.getvalue()
