r"""A report as LaTeX, for `\input` in a document that loads booktabs and graphicx."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import jinja2

from benchmarks.plan.table import Row
from benchmarks.report.formats import footnotes
from benchmarks.report.formats.columns import MINUS, NETWORK, SHORT, Column, basis, shown, texts
from benchmarks.report.formats.figures import ReportFigures, Section

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "±": r"$\pm$",
    MINUS: "$-$",
    "…": r"\ldots{}",
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
}


def render(reports: Sequence[ReportFigures]) -> str:
    """Returns a `table` for each report, with a group of columns for each target."""
    return "\n".join(_report(report) for report in reports)


def escaped(text: str) -> str:
    """Escapes text for LaTeX; letters that a font may lack become question marks."""
    words = "".join(_SPECIAL.get(mark, mark if mark.isascii() else "?") for mark in text)
    # A minus sign, not a hyphen, before a number.
    return re.sub(r"(?<![\w.])-(?=\d)", "$-$", words)


def _report(report: ReportFigures) -> str:
    network = [c for c in NETWORK if any(c in shown(NETWORK, s) for s in report.sections)]
    parts = [(s, [c for c in shown(SHORT, s) if c not in NETWORK]) for s in report.sections]
    groups, first = [], len(network) + 1
    for section, columns in parts:
        title = section.target.dataset + basis(section)
        groups.append({"title": title, "first": first, "width": len(columns)})
        first += len(columns)
    of_sections = [note for s in report.sections for note in footnotes.of_section(s, report)]
    return _template().render(
        title=report.title,
        label=re.sub(r"[^A-Za-z0-9-]+", "-", report.report.table.name),
        columns=[*network, *(column for _, columns in parts for column in columns)],
        network=len(network),
        groups=groups,
        rows=[(row.backbone, _texts(row, network, parts)) for row in report.report.rows],
        notes=[*of_sections, *footnotes.of_report(report)],
    )


def _texts(
    row: Row, network: Sequence[Column], parts: Sequence[tuple[Section, Sequence[Column]]]
) -> list[str]:
    """The texts of a row: the network once, then a group for each section."""
    found, groups = {}, []
    for section, columns in parts:
        figures = next((f for f in section.rows if f.row == row), None)
        if figures is None:
            groups += [""] * len(columns)
            continue
        groups += texts(columns, figures, section)
        own = zip(network, texts(network, figures, section), strict=True)
        found.update({column.title: text for column, text in own if text})
    return [*(found.get(column.title, "") for column in network), *groups]


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Jinja's own delimiters are LaTeX, too.
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
    environment.filters["tex"] = escaped
    return environment.get_template("table.tex.j2")
