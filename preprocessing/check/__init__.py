"""Verify a prepared dataset: that its files are whole and agree, and what to beware of.

``check(path)`` gives a `Report`. Damage is told in its errors and never raised; what is sound but
deserves caution is told in its warnings.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .content import check_images
from .divided import check_splits
from .folder import read_folder
from .report import Report

if TYPE_CHECKING:
    from ..prepare import Track

__all__ = ["Report", "check"]


def _untracked(items: Iterable[Any], what: str, total: int | None, done: int) -> Iterable[Any]:
    return items


def check(path: str | Path, track: Track = _untracked) -> Report:
    """Read everything in a prepared folder and compare each part with the others.

    Args:
        path: the folder.
        track: ``track(images, what, total, done)`` wraps the images to show progress.

    Returns:
        What is wrong, what deserves caution, and facts for `card.render`.
    """
    report = Report(Path(path))
    dataset = read_folder(report)
    if dataset is None:
        report.warn("images, fingerprint and splits were not compared: mend the errors first")
        return report
    try:
        copies = check_images(dataset, report, track)
        check_splits(dataset, copies, report)
    except (OSError, ValueError) as error:  # a disk may fail, a file change at any moment
        report.error(f"{report.path} could not be read to the end: {error}")
    return report
