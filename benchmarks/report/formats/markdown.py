"""A report as Markdown, for a README."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.report.formats import footnotes
from benchmarks.report.formats.columns import SHORT, heading, shown, texts
from benchmarks.report.formats.figures import ReportFigures, Section


def render(reports: Sequence[ReportFigures]) -> str:
    """Returns the reports below each other, with a table for each target."""
    return "\n".join(_report(report) for report in reports)


def _report(report: ReportFigures) -> str:
    blocks = [f"### {_escaped(report.title)}"]
    for section in report.sections:
        blocks += [_table(section), *map(_escaped, footnotes.of_section(section, report))]
    blocks += map(_escaped, footnotes.of_report(report))
    return "\n\n".join(blocks) + "\n"


def _table(section: Section) -> str:
    columns = shown(SHORT, section)
    rule = ["---" if column.left else "---:" for column in columns]
    lines = [_line([heading(column, section) for column in columns]), _line(rule)]
    lines += [_line(texts(columns, row, section)) for row in section.rows]
    return "\n".join(lines)


def _line(parts: Sequence[str]) -> str:
    return "| " + " | ".join(_escaped(part).replace("|", "\\|") for part in parts) + " |"


def _escaped(text: str) -> str:
    """Escapes mark-up and removes line breaks; brackets and `_` in words are harmless."""
    for mark in "\\`*<":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
