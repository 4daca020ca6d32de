"""A report for the terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks.report.formats import footnotes
from benchmarks.report.formats.columns import SHORT, heading, shown, texts
from benchmarks.report.formats.figures import Section, View

# What can be broken over lines, and how narrow it gets; a number cannot.
_WRAPPED = {"attention": 9, "setting": 12, "accuracy %": 14, "verdict": 13}
# Characters after which a heading goes on in the next line.
HEADING = 9


def render(views: Sequence[View]) -> Iterator[RenderableType]:
    """A table for each target, its notes below, and those of the report at the end."""
    for view in views:
        for section in view.sections:
            yield _table(view, section)
            yield _paragraph(footnotes.of_section(section, view))
        yield _paragraph(footnotes.of_view(view))


def _table(view: View, section: Section) -> Table:
    columns = shown(SHORT, section)
    table = Table(title=Text(view.title), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in columns:
        # "n = 200," and "3 seeds" stay whole.
        whole = heading(column, section).replace(" = ", "\N{NBSP}=\N{NBSP}")
        whole = re.sub(r"(\d) seed", "\\1\N{NBSP}seed", whole)
        title = "\n".join(textwrap.wrap(whole, HEADING, break_long_words=False))
        least = _WRAPPED.get(column.title)
        justify: JustifyMethod = "left" if column.left else "right"
        table.add_column(Text(title), justify=justify, no_wrap=not least, min_width=least)
    previous = ""
    for line in section.lines:
        if previous and previous != line.row.backbone:
            table.add_section()
        previous = line.row.backbone
        # What is in brackets has a line of its own.
        parts = [text.replace(" (", "\n(") for text in texts(columns[2:], line, section)]
        table.add_row(*map(Text, [*texts(columns[:2], line, section), *parts]))
    return table


def _paragraph(parts: Sequence[str]) -> Text:
    return Text("\n".join([*parts, ""]))
