"""The summary at the top of a section: its findings in sentences."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence

from benchmarks.report.formats import columns, footnotes
from benchmarks.report.formats.figures import ReportFigures, RowFigures, Section, counted
from benchmarks.statistics.paired import NO_DIFFERENCE


def of_section(section: Section, report: ReportFigures) -> str:
    """What was found on one target, and what could not have been found."""
    parts = [
        _accuracies(section),
        *_comparisons(section, footnotes.reference(report, section)),
        _published(section, report),
        _gaps(section),
    ]
    return " ".join(part for part in parts if part)


def _accuracies(section: Section) -> str:
    found = [row for row in section.rows if row.accuracy is not None]
    total = counted(len(section.rows), "network")
    if not found:
        return f"No result yet for {total} on {section.target.dataset}."
    low, high = (pick(found, key=_accuracy) for pick in (min, max))
    best = f"{_accuracy(high):.2f} %"
    if len(found) == 1:
        return f"1 of {total} has been measured: {high.label} has an accuracy of {best}."
    some = f"all {total}" if len(found) == len(section.rows) else f"{len(found)} of {total}"
    return (
        f"The accuracies of {some} range from {_accuracy(low):.2f} % ({low.label}) to {best} "
        f"({high.label}); always predicting the most frequent class would score "
        f"{high.majority:.2f} %."
    )


def _accuracy(row: RowFigures) -> float:
    return row.accuracy or 0.0


def _comparisons(section: Section, reference: str) -> list[str]:
    rows = [row for row in section.rows if row.difference is not None]
    if not rows:
        return []
    start = f"{counted(len(rows), 'comparison')} with {reference}"
    found = Counter(row.verdict for row in rows)
    if set(found) == {""}:
        return [
            f"{start}, from a single seed: this allows no verdict, because the intervals do not "
            "include the variation between training runs."
        ]
    parts = [
        f"{found['better']} better",
        f"{found['worse']} worse",
        f"{found[NO_DIFFERENCE]} without a detectable difference",
    ]
    if found[""]:
        parts.append(f"{found['']} without a verdict (single seed)")
    return [f"{start}: {', '.join(parts)}.", _largest(rows), _undetectable(rows)]


def _largest(rows: Sequence[RowFigures]) -> str:
    """The largest detected difference."""
    detected = [row for row in rows if row.verdict in ("better", "worse")]
    if not detected:
        return ""
    most = max(detected, key=lambda row: abs(row.difference or 0))
    text = columns.difference(most)
    return f"The largest detected difference is that of {most.label}: {text} percentage points."


def _undetectable(rows: Sequence[RowFigures]) -> str:
    """Which differences could not have been detected."""
    undecided = [row.detectable for row in rows if row.verdict == NO_DIFFERENCE]
    sizes = [size for size in undecided if size is not None]
    if not sizes:
        return ""
    median = statistics.median(sizes)
    if median >= 100:
        return (
            "Most comparisons without a detectable difference could not have shown one: there are "
            "too few seeds or test images."
        )
    return (
        "The comparisons without a detectable difference had 80 % power for differences of "
        f"{median:.1f} percentage points (median); smaller differences cannot be ruled out."
    )


def _published(section: Section, report: ReportFigures) -> str:
    gaps = [row.beyond_published for row in section.rows if row.beyond_published is not None]
    if not gaps:
        return ""
    below = sum(gap < 0 for gap in gaps)
    median = columns.fixed(statistics.median(gaps), sign=True)
    text = (
        f"{below} of {counted(len(gaps), 'network')} with a published figure scored below it; the "
        f"median difference is {median} percentage points."
    )
    if report.report.plan.variant == section.target.protocol == "published":
        return text
    return f"{text} The published figures are from another split or other networks."


def _gaps(section: Section) -> str:
    missing = sum(row.missing for row in section.rows)
    failed = sum(row.failed for row in section.rows)
    if not missing and not failed:
        return ""
    return f"The table is incomplete: {counted(missing, 'cell')} missing, {failed:,} failed."
