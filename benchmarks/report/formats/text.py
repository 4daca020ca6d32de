"""A report for the terminal, and as plain text."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks.report.formats import footnotes
from benchmarks.report.formats.columns import COPIES, SHORT, Column, heading, shown, texts
from benchmarks.report.formats.figures import ReportFigures, Section

# Columns that may wrap, with their least width; numbers must not.
_WRAPPED = {"attention": 9, "setting": 12, "accuracy %": 14, "verdict": 13}
HEADING = 9  # width at which headings wrap
WIDTH = 120  # of plain text


def render(reports: Sequence[ReportFigures]) -> str:
    """Returns the terminal's tables without colours, 120 columns wide."""
    console = Console(width=WIDTH, force_terminal=False, no_color=True)
    with console.capture() as captured:
        console.print(*parts(reports), sep="\n")
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def parts(reports: Sequence[ReportFigures]) -> Iterator[RenderableType]:
    """Yields a table with footnotes for each target, and the footnotes of each report."""
    for report in reports:
        for section in report.sections:
            yield _table(report, section, SHORT)
            yield _paragraph(footnotes.of_section(section, report))
            if section.n_copies:
                yield _table(report, section, COPIES)
                yield _paragraph([footnotes.copies(section, report)])
        yield _paragraph(footnotes.of_report(report))


def _table(report: ReportFigures, section: Section, of: Sequence[Column]) -> Table:
    columns = shown(of, section)
    table = Table(title=Text(report.title), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in columns:
        # "n = 200," and "3 seeds" must not be split.
        whole = heading(column, section).replace(" = ", "\N{NBSP}=\N{NBSP}")
        whole = re.sub(r"(\d) seed", "\\1\N{NBSP}seed", whole)
        title = "\n".join(textwrap.wrap(whole, HEADING, break_long_words=False))
        least = _WRAPPED.get(column.title)
        justify: JustifyMethod = "left" if column.left else "right"
        table.add_column(Text(title), justify=justify, no_wrap=not least, min_width=least)
    previous = ""
    for row in section.rows:
        if previous and previous != row.backbone:
            table.add_section()
        previous = row.backbone
        # Text in brackets starts a new line.
        network, rest = (texts(part, row, section) for part in (columns[:2], columns[2:]))
        table.add_row(*map(Text, [*network, *(text.replace(" (", "\n(") for text in rest)]))
    return table


def _paragraph(notes: Sequence[str]) -> Text:
    return Text("\n".join([*notes, ""]))
