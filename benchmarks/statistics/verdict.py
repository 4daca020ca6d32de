"""What may be said of a comparison, in words."""

from __future__ import annotations

from benchmarks.statistics.paired import LEVEL, Difference

NOTHING = "no detectable difference"


def verdict(difference: Difference, adjusted: float | None) -> str:
    """`better`, `worse` or `no detectable difference`.

    Args:
        difference: the comparison.
        adjusted: its p-value after `multiplicity.holm` over its table. None where it has none, as
            with a single seed, which allows no verdict: the text is then empty.
    """
    if adjusted is None:
        return ""
    if adjusted >= LEVEL:
        return NOTHING
    return "better" if difference.mean > 0 else "worse"


def sentence(difference: Difference, adjusted: float | None, comparisons: int = 1) -> str:
    """The verdict, and where nothing was detected the smallest difference that would have been.

    Args:
        difference: the comparison.
        adjusted: its p-value after `multiplicity.holm` over its table.
        comparisons: how many that table has, pending ones too.
    """
    word = verdict(difference, adjusted)
    if word != NOTHING:
        return word
    smallest = difference.smallest(comparisons)
    if smallest is None:
        return f"{word} (no image tells the two apart)"
    if smallest >= 100:
        return f"{word} (too few seeds or test images to show any)"
    return f"{word} (could have shown {smallest:.1f} points)"
