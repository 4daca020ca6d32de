"""A report as Markdown, for a README."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.report.formats import footnotes
from benchmarks.report.formats.columns import SHORT, heading, shown, texts
from benchmarks.report.formats.figures import Section, View


def render(views: Sequence[View]) -> str:
    """The reports one below the other, a table for each target."""
    return "\n".join(_report(view) for view in views)


def _report(view: View) -> str:
    blocks = [f"### {_escaped(view.title)}"]
    for section in view.sections:
        blocks += [_table(section), *map(_escaped, footnotes.of_section(section, view))]
    blocks += map(_escaped, footnotes.of_view(view))
    return "\n\n".join(blocks) + "\n"


def _table(section: Section) -> str:
    columns = shown(SHORT, section)
    rule = ["---" if column.left else "---:" for column in columns]
    lines = [_line([heading(column, section) for column in columns]), _line(rule)]
    lines += [_line(texts(columns, line, section)) for line in section.lines]
    return "\n".join(lines)


def _line(parts: Sequence[str]) -> str:
    return "| " + " | ".join(_escaped(part).replace("|", "\\|") for part in parts) + " |"


def _escaped(text: str) -> str:
    """A text as it is: no mark-up, no line break. Brackets and `_` in words are harmless."""
    for mark in "\\`*<":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
