r"""A report as LaTeX, for `\input` in a document that loads booktabs and graphicx."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain

from benchmarks.plan.table import Row
from benchmarks.report.formats import footnotes
from benchmarks.report.formats.columns import MINUS, NETWORK, SHORT, Column, basis, shown, texts
from benchmarks.report.formats.figures import ReportFigures

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
# Scales a table down to the width of the page, never up.
_FIT = r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%"


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
    groups = [[c for c in shown(SHORT, s) if c not in NETWORK] for s in report.sections]
    columns = [*network, *chain(*groups)]
    lines = [
        "% Needs \\usepackage{booktabs} and \\usepackage{graphicx}.",
        "\\begin{table}[htbp]",
        "\\centering",
        "\\small",
        f"\\caption{{{escaped(report.title)}}}",
        f"\\label{{tab:{_label(report.report.table.name)}}}",
        _FIT,
        f"\\begin{{tabular}}{{{''.join('l' if c.left else 'r' for c in columns)}}}",
        "\\toprule",
        *_over(report, len(network), [len(group) for group in groups]),
        _line([escaped(column.title) for column in columns]),
        "\\midrule",
        *_body(report, network, groups),
        "\\bottomrule",
        "\\end{tabular}}",
        "\\par\\smallskip",
        "\\begin{minipage}{\\textwidth}\\footnotesize",
        *(f"{escaped(note)}\\par" for note in _notes(report)),
        "\\end{minipage}",
        "\\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _over(report: ReportFigures, network: int, widths: Sequence[int]) -> list[str]:
    """The line above the headings, with the dataset of each group, and the rules below it."""
    over, rules = [f"\\multicolumn{{{network}}}{{l}}{{}}"], []
    last = network
    for section, width in zip(report.sections, widths, strict=True):
        title = escaped(section.target.dataset + basis(section))
        over.append(f"\\multicolumn{{{width}}}{{c}}{{{title}}}")
        rules.append(f"\\cmidrule(lr){{{last + 1}-{last + width}}}")
        last += width
    return [_line(over), " ".join(rules)]


def _body(
    report: ReportFigures, network: Sequence[Column], groups: Sequence[Sequence[Column]]
) -> list[str]:
    lines, previous = [], ""
    for row in report.report.rows:
        if previous and previous != row.backbone:
            lines.append("\\addlinespace")
        previous = row.backbone
        lines.append(_line([escaped(text) for text in _texts(row, report, network, groups)]))
    return lines


def _texts(
    row: Row, report: ReportFigures, network: Sequence[Column], groups: Sequence[Sequence[Column]]
) -> list[str]:
    found, parts = {}, []
    for section, columns in zip(report.sections, groups, strict=True):
        figures = next((f for f in section.rows if f.row == row), None)
        parts += texts(columns, figures, section) if figures else [""] * len(columns)
        if figures:
            own = zip(network, texts(network, figures, section), strict=True)
            found.update({column.title: text for column, text in own if text})
    return [*(found.get(column.title, "") for column in network), *parts]


def _notes(report: ReportFigures) -> list[str]:
    of_sections = [note for s in report.sections for note in footnotes.of_section(s, report)]
    return [*of_sections, *footnotes.of_report(report)]


def _line(parts: Sequence[str]) -> str:
    return " & ".join(parts) + r" \\"


def _label(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", name)
