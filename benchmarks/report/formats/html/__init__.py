"""A report as one self-contained HTML page: no network, fonts or libraries."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from benchmarks.report.formats import footnotes
from benchmarks.report.formats.columns import FULL, MINUS, Column, heading, rank, shown
from benchmarks.report.formats.figures import ReportFigures, RowFigures, Section
from benchmarks.report.formats.html import charts, summary
from benchmarks.report.formats.html.cells import CellOrigin, PageCells


@dataclass(frozen=True)
class PageSection:
    """A section of the page.

    Attributes:
        report, section: the figures it shows.
        title: its heading.
        columns: columns of its table.
        start: position of its first row in the embedded data.
        origins: origins of the cells of each row.
    """

    report: ReportFigures
    section: Section
    title: str
    columns: Sequence[Column]
    start: int
    origins: Sequence[Sequence[CellOrigin]]


def render(reports: Sequence[ReportFigures]) -> str:
    """Returns the page, with all reports on it."""
    cells = PageCells()
    parts: list[PageSection] = []
    data: list[dict[str, Any]] = []
    for report, section in ((r, s) for r in reports for s in r.sections):
        title, columns = _title(reports, report, section), shown(FULL, section)
        start, (found, origins) = len(data), zip(*map(cells.add, section.rows), strict=True)
        parts.append(PageSection(report, section, title, columns, start, origins))
        data += found
    return _page().render(
        title=" · ".join(dict.fromkeys(report.title for report in reports)),
        reports=reports,
        parts=parts,
        machines=cells.machines(),
        data=data,
    )


def _page() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    environment.globals.update(
        heading=heading,
        rank=rank,
        order=_order,
        number=_number,
        forest=charts.forest,
        cost=charts.cost,
        against_published=charts.against_published,
        summary=summary,
        footnotes=footnotes,
    )
    return environment.get_template("page.html.j2")


def _title(reports: Sequence[ReportFigures], report: ReportFigures, section: Section) -> str:
    """Dataset and split; on a page of several reports also what distinguishes them."""
    place = f"{section.target.dataset}, split {section.target.protocol}"
    if len(reports) == 1:
        return place
    plan = report.report.plan
    return f"{place}: {plan.variant}, {plan.backend}, report {reports.index(report) + 1}"


def _order(column: Column, row: RowFigures) -> str:
    """The number to sort a cell by; "" sorts last."""
    value = None if column.left else getattr(row, column.figure)
    return "" if value is None else f"{value:.10g}"


def _number(text: str) -> str:
    """Sets minus signs before numbers and keeps intervals and `a ± b` on one line."""
    text = re.sub(r"(?<!\w)-(?=\d)", MINUS, text)
    return re.sub(
        rf" ± |(?<=\d,) (?=[+{MINUS}])", lambda found: found[0].replace(" ", "\N{NBSP}"), text
    )
