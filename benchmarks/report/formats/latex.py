r"""A report as LaTeX: `\input` it where the packages booktabs and graphicx are loaded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain

from benchmarks.plan.table import Row
from benchmarks.report.formats import footnotes
from benchmarks.report.formats.columns import MINUS, NETWORK, SHORT, Column, shown, texts
from benchmarks.report.formats.figures import Section, View, counted

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
# What booktabs tables would be wider than the page is scaled down to it; nothing is scaled up.
_FIT = r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%"


def render(views: Sequence[View]) -> str:
    """A `table` for each report, with a group of columns for each target."""
    return "\n".join(_report(view) for view in views)


def escaped(text: str) -> str:
    """Text that LaTeX prints as it is; what fonts may lack becomes a question mark."""
    words = "".join(_SPECIAL.get(mark, mark if mark.isascii() else "?") for mark in text)
    # A minus, not a hyphen, before a number.
    return re.sub(r"(?<![\w.])-(?=\d)", "$-$", words)


def _report(view: View) -> str:
    network = [c for c in NETWORK if any(c in shown(NETWORK, s) for s in view.sections)]
    groups = [[c for c in shown(SHORT, s) if c not in NETWORK] for s in view.sections]
    sides = [len(network), *map(len, groups)]
    layout = "".join("l" if c.left else "r" for c in [*network, *chain(*groups)])
    lines = [
        "% Needs \\usepackage{booktabs} and \\usepackage{graphicx}.",
        "\\begin{table}[htbp]",
        "\\centering",
        "\\small",
        f"\\caption{{{escaped(view.title)}}}",
        f"\\label{{tab:{_label(view.report.table.name)}}}",
        _FIT,
        f"\\begin{{tabular}}{{{layout}}}",
        "\\toprule",
        *_header(view, network, groups, sides),
        "\\midrule",
        *_body(view, network, groups),
        "\\bottomrule",
        "\\end{tabular}}",
        "\\par\\smallskip",
        "\\begin{minipage}{\\textwidth}\\footnotesize",
        *(f"{escaped(note)}\\par" for note in _notes(view)),
        "\\end{minipage}",
        "\\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _header(
    view: View, network: Sequence[Column], groups: Sequence[Sequence[Column]], sides: Sequence[int]
) -> list[str]:
    over = [f"\\multicolumn{{{sides[0]}}}{{l}}{{}}"]
    rules, first = [], sides[0] + 1
    for section, width in zip(view.sections, sides[1:], strict=True):
        over.append(f"\\multicolumn{{{width}}}{{c}}{{{escaped(_basis(section))}}}")
        rules.append(f"\\cmidrule(lr){{{first}-{first + width - 1}}}")
        first += width
    titles = [escaped(column.title) for column in [*network, *chain(*groups)]]
    return [_line(over), " ".join(rules), _line(titles)]


def _basis(section: Section) -> str:
    n = f"n = {section.n:,}" if section.n else ""
    seeds = counted(section.seeds, "seed") if section.seeds else ""
    basis = ", ".join(filter(None, [n, seeds]))
    return section.target.dataset + (f" ({basis})" if basis else "")


def _body(view: View, network: Sequence[Column], groups: Sequence[Sequence[Column]]) -> list[str]:
    lines, previous = [], ""
    for row in view.report.rows:
        if previous and previous != row.backbone:
            lines.append("\\addlinespace")
        previous = row.backbone
        lines.append(_line([escaped(text) for text in _texts(row, view, network, groups)]))
    return lines


def _texts(
    row: Row, view: View, network: Sequence[Column], groups: Sequence[Sequence[Column]]
) -> list[str]:
    found, parts = {}, []
    for section, columns in zip(view.sections, groups, strict=True):
        line = next((line for line in section.lines if line.row == row), None)
        parts += texts(columns, line, section) if line else [""] * len(columns)
        if line:
            own = zip(network, texts(network, line, section), strict=True)
            found.update({column.title: text for column, text in own if text})
    return [*(found.get(column.title, "") for column in network), *parts]


def _notes(view: View) -> list[str]:
    of_sections = [note for s in view.sections for note in footnotes.of_section(s, view)]
    return [*of_sections, *footnotes.of_view(view)]


def _line(parts: Sequence[str]) -> str:
    return " & ".join(parts) + r" \\"


def _label(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", name)
