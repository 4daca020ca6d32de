"""A report as one HTML page that needs nothing but itself: no network, no font, no library."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from benchmarks.report.formats import footnotes
from benchmarks.report.formats.columns import FULL, MINUS, Column, heading, shown
from benchmarks.report.formats.figures import Line, Section, View
from benchmarks.report.formats.html import charts, embedded, provenance, summary


@dataclass(frozen=True)
class Part:
    """A section of the page.

    Attributes:
        view, section: what it shows.
        last: whether it is the last section of its report.
        title: its heading.
        columns: of its table.
        numbers: of its lines in the embedded data.
        origins: of the cells of each line.
    """

    view: View
    section: Section
    last: bool
    title: str
    columns: Sequence[Column]
    numbers: Sequence[int]
    origins: Sequence[Sequence[provenance.CellOrigin]]


def render(views: Sequence[View]) -> str:
    """The page.

    Args:
        views: reports; a page has all of them.
    """
    machines = provenance.Origins()
    parts: list[Part] = []
    data: list[dict[str, Any]] = []
    cells = 0
    for view, section in ((v, s) for v in views for s in v.sections):
        numbers = range(len(data), len(data) + len(section.lines))
        for line in section.lines:
            data.append(embedded.of_line(line, cells))
            cells += embedded.count([line])
        origins = [machines.cells(line) for line in section.lines]
        columns = shown(FULL, section)
        last, title = section is view.sections[-1], _title(views, view, section)
        parts.append(Part(view, section, last, title, columns, numbers, origins))
    return _page().render(
        title=" · ".join(dict.fromkeys(view.title for view in views)),
        views=views,
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
        reading=summary,
        notes=footnotes,
    )
    return environment.get_template("page.html.j2")


def _title(views: Sequence[View], view: View, section: Section) -> str:
    """Dataset and split, and where there are several reports what tells them apart."""
    place = f"{section.target.dataset}, split {section.target.protocol}"
    if len(views) == 1:
        return place
    plan = view.report.plan
    return f"{place}: {plan.variant}, {plan.backend}, report {views.index(view) + 1}"


def _order(column: Column, line: Line) -> str:
    """What a cell is sorted by; "" sorts last."""
    if column.order is None:
        return ""
    value = column.order(line.figures)
    return "" if value is None else f"{value:.10g}"


def _number(text: str) -> str:
    """A text with minus signs before numbers, and numbers that stay in one line with theirs."""
    text = re.sub(r"(?<!\w)-(?=\d)", MINUS, text)
    return re.sub(
        rf" ± |(?<=\d,) (?=[+{MINUS}])", lambda found: found[0].replace(" ", "\N{NBSP}"), text
    )
