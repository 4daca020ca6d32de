"""A report as one self-contained HTML page: no network, fonts or libraries."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from benchmarks.report.formats import footnotes
from benchmarks.report.formats.columns import FULL, MINUS, Column, heading, shown
from benchmarks.report.formats.figures import ReportFigures, RowFigures, Section
from benchmarks.report.formats.html import charts, embedded, provenance, summary


@dataclass(frozen=True)
class PageSection:
    """A section of the page.

    Attributes:
        report, section: the figures it shows.
        last: whether it is the last section of its report.
        title: its heading.
        columns: of its table.
        numbers: positions of its rows in the embedded data.
        origins: of the cells of each row.
    """

    report: ReportFigures
    section: Section
    last: bool
    title: str
    columns: Sequence[Column]
    numbers: Sequence[int]
    origins: Sequence[Sequence[provenance.CellOrigin]]


def render(reports: Sequence[ReportFigures]) -> str:
    """Returns the page, with all reports on it."""
    machines = provenance.Origins()
    parts: list[PageSection] = []
    data: list[dict[str, Any]] = []
    cells = 0
    for report, section in ((r, s) for r in reports for s in r.sections):
        numbers = range(len(data), len(data) + len(section.rows))
        for row in section.rows:
            data.append(embedded.of_row(row, cells))
            cells += row.done
        origins = [machines.cells(row) for row in section.rows]
        columns = shown(FULL, section)
        last, title = section is report.sections[-1], _title(reports, report, section)
        parts.append(PageSection(report, section, last, title, columns, numbers, origins))
    return _page().render(
        title=" · ".join(dict.fromkeys(report.title for report in reports)),
        reports=reports,
        parts=parts,
        machines=machines.all(),
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
    if column.order is None:
        return ""
    value = column.order(row)
    return "" if value is None else f"{value:.10g}"


def _number(text: str) -> str:
    """Sets minus signs before numbers and keeps intervals and `a ± b` on one line."""
    text = re.sub(r"(?<!\w)-(?=\d)", MINUS, text)
    return re.sub(
        rf" ± |(?<=\d,) (?=[+{MINUS}])", lambda found: found[0].replace(" ", "\N{NBSP}"), text
    )
