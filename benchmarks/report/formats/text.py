"""A report for the terminal, and as plain text."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from attention_fer.common.console import plain_console
from benchmarks.report.formats import footnotes
from benchmarks.report.formats.columns import COPIES, SHORT, Column, heading, rank, shown, texts
from benchmarks.report.formats.figures import ReportFigures, RowFigures, Section

# Columns that may wrap, with their least width; numbers must not.
_WRAPPED = {"attention": 9, "setting": 12, "accuracy %": 14, "verdict": 13}
# Each block of columns begins with those that say which row it is.
_KEYS = ("backbone", "attention", "setting")
HEADING = 9  # width at which headings wrap
WIDTH = 120  # of plain text


def render(reports: Sequence[ReportFigures]) -> str:
    """Returns the terminal's tables without colours, 120 columns wide."""
    console = plain_console(width=WIDTH, force_terminal=False, no_color=True)
    with console.capture() as captured:
        console.print(*parts(reports), sep="\n")
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def parts(reports: Sequence[ReportFigures]) -> Iterator[RenderableType]:
    """Yields a table with footnotes for each target, and the footnotes of each report."""
    for report in reports:
        for section in report.sections:
            yield Blocks(report.title, section, shown(SHORT, section))
            yield _paragraph(footnotes.of_section(section, report))
            if section.n_copies:
                yield Blocks(report.title, section, shown(COPIES, section))
                yield _paragraph([footnotes.copies(section, report)])
        yield _paragraph(footnotes.of_report(report))


class Blocks:
    """A table that shows the columns for which a narrow console has no room in further blocks.

    Args:
        title: title of the table.
        section: its rows.
        columns: its columns.
    """

    def __init__(self, title: str, section: Section, columns: Sequence[Column]):
        self.title, self.section = title, section
        self.keys = [column for column in columns if column.title in _KEYS]
        self.others = [column for column in columns if column not in self.keys]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        fits = self._fits(console, options, self.others)
        # Without need, columns keep the order that they have in every format.
        left = self.others if fits else sorted(self.others, key=rank)
        if not all(self._fits(console, options, [column]) for column in left):
            yield self._list(left)
            return
        title = self.title
        while left:
            n = len(left)
            while n > 1 and not self._fits(console, options, left[:n]):
                n -= 1
            yield self._table(title, left[:n])
            title, left = f"{self.title} (continued)", left[n:]

    def _fits(self, console: Console, options: ConsoleOptions, others: Sequence[Column]) -> bool:
        table = self._table("", others)
        return Measurement.get(console, options.update(width=9999), table).minimum <= (
            options.max_width
        )

    def _list(self, others: Sequence[Column]) -> Text:
        """A line for each figure, for consoles without room for two columns."""
        lines = [self.title, ""]
        for row in self.section.rows:
            lines.append(" ".join(filter(None, texts(self.keys, row, self.section))))
            found = zip(others, texts(others, row, self.section), strict=True)
            lines += [
                f"  {heading(column, self.section)}: {text}" for column, text in found if text
            ]
        return Text("\n".join([*lines, ""]))

    def _table(self, title: str, others: Sequence[Column]) -> Table:
        table = Table(title=Text(title), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        columns = [*self.keys, *others]
        rows = [self._texts(columns, row) for row in self.section.rows]
        for column, *cells in zip(columns, *rows, strict=True):
            _add_column(table, column, _title(column, self.section), cells)
        previous = ""
        for row, line in zip(self.section.rows, rows, strict=True):
            if previous and previous != row.backbone:
                table.add_section()
            previous = row.backbone
            table.add_row(*map(Text, line))
        return table

    def _texts(self, columns: Sequence[Column], row: RowFigures) -> list[str]:
        found = texts(columns, row, self.section)
        # Text in brackets starts a new line.
        return [
            text if column in self.keys else text.replace(" (", "\n(")
            for column, text in zip(columns, found, strict=True)
        ]


def _add_column(table: Table, column: Column, title: str, cells: Sequence[str]) -> None:
    wraps = _WRAPPED.get(column.title, 0)
    whole = str.split if wraps else str.splitlines
    lines = [part for text in (title, *cells) for part in whole(text)]
    justify: JustifyMethod = "left" if column.left else "right"
    table.add_column(
        Text(title),
        justify=justify,
        no_wrap=not wraps,
        min_width=max([wraps, *map(len, lines)]),
        # A name may be longer than the console is wide.
        overflow="fold",
    )


def _title(column: Column, section: Section) -> str:
    # "n = 200," and "3 seeds" must not be split.
    whole = heading(column, section).replace(" = ", "\N{NBSP}=\N{NBSP}")
    whole = re.sub(r"(\d) seed", "\\1\N{NBSP}seed", whole)
    return "\n".join(textwrap.wrap(whole, HEADING, break_long_words=False))


def _paragraph(notes: Sequence[str]) -> Text:
    return Text("\n".join([*notes, ""]))
