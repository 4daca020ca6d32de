"""A report as Markdown, for a README."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.report.formats import footnotes
from benchmarks.report.formats.columns import COPIES, SHORT, Column, heading, shown, texts
from benchmarks.report.formats.figures import ReportFigures, Section


def render(reports: Sequence[ReportFigures]) -> str:
    """Returns the reports below each other, with a table for each target."""
    return "\n".join(_report(report) for report in reports)


def _report(report: ReportFigures) -> str:
    blocks = [f"### {escaped(report.title)}"]
    for section in report.sections:
        blocks += [_table(section, SHORT), *map(escaped, footnotes.of_section(section, report))]
        if section.n_copies:
            blocks += [_table(section, COPIES), escaped(footnotes.copies(section, report))]
    blocks += map(escaped, footnotes.of_report(report))
    return "\n\n".join(blocks) + "\n"


def grid(headings: Sequence[str], left: Sequence[bool], rows: Iterable[Sequence[str]]) -> str:
    """Returns a table of texts; `left` says which columns are left-aligned."""
    rule = ["---" if aligned else "---:" for aligned in left]
    return "\n".join(map(_line, [headings, rule, *rows]))


def _table(section: Section, of: Sequence[Column]) -> str:
    columns = shown(of, section)
    return grid(
        [heading(column, section) for column in columns],
        [column.left for column in columns],
        [texts(columns, row, section) for row in section.rows],
    )


def _line(parts: Sequence[str]) -> str:
    return "| " + " | ".join(escaped(part).replace("|", "\\|") for part in parts) + " |"


def escaped(text: str) -> str:
    """Escapes mark-up and removes line breaks; brackets and `_` in words are harmless."""
    for mark in "\\`*<":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
