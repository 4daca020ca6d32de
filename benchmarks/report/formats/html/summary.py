"""What a report says, in sentences."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence

from benchmarks.report.formats import columns, footnotes
from benchmarks.report.formats.figures import Line, Section, View, counted
from benchmarks.statistics.verdict import NOTHING


def of_section(section: Section, view: View) -> str:
    """One target: what was found, and what could not have been."""
    to = footnotes.reference(view, section)
    parts = [
        _scores(section),
        *_comparisons(section, to),
        _published(section, view),
        _gaps(section),
    ]
    return " ".join(part for part in parts if part)


def _scores(section: Section) -> str:
    scored = [line for line in section.lines if line.figures.accuracy is not None]
    networks = counted(len(section.lines), "network")
    if not scored:
        return f"None of {networks} on {section.target.dataset} has a result yet."
    low, high = (pick(scored, key=_accuracy) for pick in (min, max))
    if low is high:
        return f"One of {networks} has an accuracy: {_name(high)}, {_accuracy(high):.2f} %."
    return (
        f"Accuracies of {_all(len(scored), len(section.lines))} networks lie between "
        f"{_accuracy(low):.2f} % ({_name(low)}) and {_accuracy(high):.2f} % "
        f"({_name(high)}); always guessing the most frequent class gives "
        f"{high.figures.majority:.2f} %."
    )


def _comparisons(section: Section, to: str) -> list[str]:
    lines = [line for line in section.lines if line.figures.difference is not None]
    if not lines:
        return []
    found = Counter(line.figures.verdict for line in lines)
    if set(found) == {""}:
        return [
            f"{_start(len(lines), to)} have one seed each: that allows no verdict, however far an "
            "interval lies from zero, because it knows nothing of training noise."
        ]
    words = [("better", "better"), ("worse", "worse"), (NOTHING, "without a detectable difference")]
    told = [f"{found[key]} {word}" for key, word in words]
    if found[""]:
        told.append(f"{found['']} without a verdict, having one seed")
    return [f"{_start(len(lines), to)}: {', '.join(told)}.", _clearest(lines), _blind(lines)]


def _start(count: int, to: str) -> str:
    return f"{counted(count, 'comparison')} with {to}"


def _clearest(lines: Sequence[Line]) -> str:
    """The largest difference that is called one."""
    called = [line for line in lines if line.figures.verdict in ("better", "worse")]
    if not called:
        return ""
    most = max(called, key=lambda line: abs(line.figures.difference or 0))
    return (
        f"The largest difference that is called one is that of {_name(most)}: "
        f"{columns.difference(most.figures)} points."
    )


def _blind(lines: Sequence[Line]) -> str:
    """What could not have been seen."""
    undecided = [line.figures for line in lines if line.figures.verdict == NOTHING]
    sizes = [f.detectable for f in undecided if f.detectable is not None]
    if not sizes:
        return ""
    middle = statistics.median(sizes)
    if middle >= 100:
        return (
            "Most comparisons that detect nothing could not have detected anything: there are too "
            "few seeds or test images."
        )
    return (
        f"Those that detect nothing would have found, at the median, a difference of "
        f"{middle:.1f} points with 80 % power; smaller ones may be there."
    )


def _published(section: Section, view: View) -> str:
    gaps = [f for f in (x.figures.beyond_published for x in section.lines) if f is not None]
    if not gaps:
        return ""
    below = sum(gap < 0 for gap in gaps)
    text = (
        f"{below} of {len(gaps)} are below the published figure, the median of ours minus "
        f"published being {columns.fixed(statistics.median(gaps), sign=True)} points"
    )
    if view.report.plan.variant == section.target.protocol == "published":
        return f"{text}."
    return f"{text}; but the published figures are of another split or of other networks."


def _all(part: int, whole: int) -> str:
    return f"all {whole}" if part == whole else f"{part} of {whole}"


def _gaps(section: Section) -> str:
    missing = sum(line.figures.missing for line in section.lines)
    failed = sum(line.figures.failed for line in section.lines)
    if not missing and not failed:
        return ""
    return f"The table is not whole: {counted(missing, 'cell')} missing, {failed:,} failed."


def _name(line: Line) -> str:
    return line.row.label


def _accuracy(line: Line) -> float:
    return line.figures.accuracy or 0.0
