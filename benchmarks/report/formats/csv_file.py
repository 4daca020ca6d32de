"""A report as CSV, unrounded, for a program to read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from benchmarks.report.formats import footnotes
from benchmarks.report.formats.figures import Figures, Line, Section, View

_FIGURES = [field.name for field in fields(Figures)]
_PLACE = ["table", "variant", "backend", "training", "dataset", "protocol", "folds"]


def render(views: Sequence[View]) -> str:
    """A line for each row and target, with every figure of `figures.Figures`."""
    lines = (
        {**_place(view, section), **{name: getattr(line.figures, name) for name in _FIGURES}}
        for view, section, line in _walk(views)
    )
    return _csv([*_PLACE, *_FIGURES], lines)


def render_classes(views: Sequence[View]) -> str:
    """A line for each row, target, true and predicted class: images, summed over the seeds.

    `share` is that of the true class's images in percent: where both classes are one, its recall.
    """
    lines = (
        {**_place(view, section), **_network(line), **counts}
        for view, section, line in _walk(views)
        for counts in _confusion(line)
    )
    network = ["backbone", "attention", "setting", "seeds"]
    return _csv([*_PLACE, *network, "true", "predicted", "images", "share"], lines)


def class_names(line: Line, count: int) -> list[str]:
    """Names of the classes, or their numbers in records from before names were stored."""
    names = line.entry.target.classes
    return list(names) if len(names) == count else [str(i) for i in range(count)]


def _walk(views: Iterable[View]) -> Iterator[tuple[View, Section, Line]]:
    for view in views:
        for section in view.sections:
            for line in section.lines:
                yield view, section, line


def _place(view: View, section: Section) -> dict[str, Any]:
    plan, target = view.report.plan, section.target
    return {
        "table": view.report.table.name,
        "variant": plan.variant,
        "backend": plan.backend,
        "training": footnotes.training(plan.settings(target)),
        "dataset": target.dataset,
        "protocol": target.protocol,
        "folds": len(target.folds),
    }


def _network(line: Line) -> dict[str, Any]:
    return {name: getattr(line.figures, name) for name in ("backbone", "attention", "setting",
                                                           "seeds")}  # fmt: skip


def _confusion(line: Line) -> Iterator[dict[str, Any]]:
    confusion = line.entry.confusion
    if confusion is None:
        return
    names = class_names(line, len(confusion))
    for (true, predicted), images in np.ndenumerate(confusion):
        total = confusion[true].sum()
        yield {
            "true": names[true],
            "predicted": names[predicted],
            "images": int(images),
            "share": 100 * float(images / total) if total else None,
        }


def _csv(columns: Sequence[str], lines: Iterable[Mapping[str, Any]]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return file.getvalue()
