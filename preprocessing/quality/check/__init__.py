"""Verify a prepared dataset: that its files are whole and agree, and what to beware of.

``check(path)`` gives a `Report`. Damage is told in its errors and never raised; what is sound but
deserves caution is told in its warnings.
"""

from __future__ import annotations

from pathlib import Path

from preprocessing.quality.check.files import changed_files, tell_changed
from preprocessing.quality.check.folder import read_folder
from preprocessing.quality.check.images import check_images
from preprocessing.quality.check.leakage import check_splits
from preprocessing.quality.check.report import Report
from preprocessing.tracking import Track, untracked

__all__ = ["Report", "check"]


def check(path: str | Path, track: Track = untracked) -> Report:
    """Read everything in a prepared folder and compare each part with the others.

    Args:
        path: the folder.
        track: ``track(images, what, total, done)`` wraps the images to show progress.

    Returns:
        What is wrong, what deserves caution, and facts for `card.render`.
    """
    report = Report(Path(path))
    dataset = read_folder(report)
    try:
        changed = changed_files(report)
        if dataset is None:
            report.warn("images, fingerprint and splits were not compared: mend the errors first")
        else:
            copies = check_images(dataset, report, track)
            check_splits(dataset, copies, report, changed)
        tell_changed(changed, report)
    except (OSError, ValueError) as error:  # a disk may fail, a file change at any moment
        report.error(f"{report.path} could not be read to the end: {error}")
    return report
