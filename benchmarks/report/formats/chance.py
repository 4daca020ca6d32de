"""Gains by chance as text, Markdown and CSV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from attention_fer.common.console import plain_console
from benchmarks.report.chance import (
    REAL,
    SAME,
    SHUFFLED,
    ChanceLine,
    ChanceReport,
    PublishedGains,
)
from benchmarks.report.formats.columns import fixed
from benchmarks.report.formats.csv_file import csv_text
from benchmarks.report.formats.figures import counted
from benchmarks.report.formats.markdown import escaped, grid
from benchmarks.report.formats.text import WIDTH
from benchmarks.statistics.chance import DRAWS

POINTS = (1, 2, 5)
NAMES = {"jaffe": "JAFFE", "ckplus": "CK+", "fer2013": "FER2013"}
HEADINGS = (
    "test images",
    "accuracy %",
    "compared",
    "sides",
    "> 0",
    *(f"≥ {points}" for points in POINTS),
    "mean",
    "95 % span",
)
_LEFT = (False, False, True, True, *[False] * (len(HEADINGS) - 4))


def render_text(reports: Sequence[ChanceReport]) -> str:
    """Returns the tables for a terminal, 120 columns wide, with their notes."""
    console = plain_console(width=WIDTH, force_terminal=False, no_color=True)
    with console.capture() as captured:
        for report in reports:
            table = Table(title=Text(title(report)), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
            for name, left in zip(HEADINGS, _LEFT, strict=True):
                table.add_column(name, justify="left" if left else "right", no_wrap=True)
            for line, following in zip(report.lines, [*report.lines[1:], None], strict=True):
                last = following is None or (following.n, following.easier) != (line.n, line.easier)
                table.add_row(*map(Text, map(_short, _texts(line))), end_section=last)
            console.print(table)
            console.print(Text("\n".join([*notes(report), ""])))
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def render_markdown(reports: Sequence[ChanceReport]) -> str:
    """Returns the tables below each other, each with its notes."""
    blocks = []
    for report in reports:
        blocks += [
            f"### {escaped(title(report))}",
            grid(HEADINGS, _LEFT, map(_texts, report.lines)),
        ]
        blocks += map(escaped, notes(report))
    return "\n\n".join(blocks) + "\n"


def render_csv(reports: Sequence[ChanceReport]) -> str:
    """Returns a line for each size of the test sets and each kind of comparison, unrounded."""
    lines = [_figures(report, line) for report in reports for line in report.lines]
    return csv_text(list(lines[0]), lines)


def title(report: ChanceReport) -> str:
    """Returns the heading of a target."""
    return f"Gains by chance: {report.report.table.title}, {report.target.dataset}"


def notes(report: ChanceReport) -> list[str]:
    """Returns what was used, how it was computed, and where the published gains lie."""
    low, high = (fixed(value) for value in report.accuracy)
    networks = "; ".join(
        f"{label} (seeds {', '.join(map(str, seeds))})" for label, seeds in report.seeds.items()
    )
    kinds = {line.kind for line in report.lines}
    meanings = [text for kind, text in _MEANING.items() if kind in kinds]
    return [
        "Gains in accuracy, in percentage points: how many comparisons in a hundred show a gain "
        f"above 0, or of at least {', '.join(map(str, POINTS))} points; their mean, and where 95 % "
        "of them lie. Test sets are drawn at random from the "
        f"{counted(report.images, 'test image')}, without replacement and not stratified. One run "
        f"against one is exact, over all pairs of runs; the best of several is simulated with "
        f"{DRAWS:,} draws.",
        f"Runs: {networks}. Accuracies from {low} to {high} %; of two runs of the same network, "
        f"exactly one is right on {fixed(report.disagreement, digits=1)} % of the images.",
        *meanings,
        *[_EASIER] * any(line.easier for line in report.lines),
        *(_published(report, n, of) for n, of in report.published.items()),
        *[_SINGLE] * bool(report.published),
    ]


_MEANING = {
    SAME: "Same network: both sides are runs of one network with different seeds, so every gain is "
    "chance.",
    SHUFFLED: "Names shuffled: runs of all networks of a backbone that share a reference, so a "
    "gain says nothing about their names; real differences between them widen the spread.",
    REAL: "Attention against none: as the runs are, whether or not something differs.",
}


_EASIER = (
    "Lines with a higher accuracy: the same runs on test sets made easier by images that all of "
    "them predict correctly, until the accuracy is the median of the published table on that "
    "dataset."
)


_SINGLE = (
    "A published gain within a span may be real, but a single comparison of that size does not "
    "show it. The span says nothing about how many gains are above zero."
)


def _published(report: ChanceReport, n: int, of: PublishedGains) -> str:
    text = (
        f"{NAMES[of.dataset]}: {len(of.points)} published gains on {of.n:,} test images, from "
        f"{fixed(min(of.points), sign=True)} to {fixed(max(of.points), sign=True)} points, "
        f"{of.positive} of them above zero."
    )
    lines = report.null(n, easier=True) or report.null(n)
    inside = [f"{of.inside(line.gains)} lie within that of {line.sides}" for line in lines]
    narrower = " A span on as many images would be narrower." if of.n > n else ""
    return (
        f"{text} Compared with the spans on {n:,} images at an accuracy of "
        f"{fixed(lines[0].accuracy, digits=1)} %, {', '.join(inside)}.{narrower}"
    )


def _texts(line: ChanceLine) -> list[str]:
    gains = line.gains
    low, high = (fixed(value, sign=True, digits=1) for value in gains.span())
    shares = [gains.above_zero, *(gains.at_least(points) for points in POINTS)]
    return [
        f"{line.n:,}",
        fixed(line.accuracy, digits=1),
        line.kind,
        line.sides,
        *(fixed(100 * share, digits=1) for share in shares),
        fixed(gains.mean, sign=True),
        f"{low} to {high}",
    ]


def _short(text: str) -> str:
    """Shorter words, so that a line fits on a terminal."""
    return text.replace(" run against", " against").replace("against", ":").replace("three", "3")


def _figures(report: ChanceReport, line: ChanceLine) -> dict[str, Any]:
    gains, target = line.gains, report.target
    low, high = gains.span()
    published = report.published.get(line.n)
    return {
        "table": report.report.table.name,
        "dataset": target.dataset,
        "protocol": target.protocol,
        "images": report.images,
        "n": line.n,
        "accuracy": line.accuracy,
        "easier": line.easier,
        "kind": line.kind,
        "sides": line.sides,
        "networks": "; ".join(line.networks),
        "runs": line.runs,
        "draws": "exact" if gains.exact else DRAWS,
        "mean": gains.mean,
        "low": low,
        "high": high,
        "above_zero": gains.above_zero,
        **{f"at_least_{points}": gains.at_least(points) for points in POINTS},
        "published": published.dataset if published else "",
        "published_n": published.n if published else "",
        "published_gains": len(published.points) if published else "",
        "published_above_zero": published.positive if published else "",
        "published_within": published.inside(gains) if published else "",
    }
