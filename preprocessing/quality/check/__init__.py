"""Verify a prepared dataset: its files are whole and agree, and what deserves caution.

`check(path)` returns a `CheckReport`. Damage is an entry of its errors and never raised; what is
sound but deserves caution is an entry of its warnings.
"""

from __future__ import annotations

from pathlib import Path

from attention_fer.common.files import sha256
from attention_fer.common.progress import Track, untracked
from preprocessing.dataset.folder import Contents, read_folder
from preprocessing.dataset.index import REPAIR_HINT
from preprocessing.dataset.manifest import HASHED
from preprocessing.quality.check.counts import check_counts
from preprocessing.quality.check.images import check_images
from preprocessing.quality.check.leakage import check_splits
from preprocessing.quality.check.report import CheckReport

__all__ = ["CheckReport", "check"]


def check(path: str | Path, track: Track = untracked) -> CheckReport:
    """Reads everything in a prepared folder and compares each part with the others.

    Args:
        path: the folder.
        track: `track(images, what, total, done)` wraps the images to show progress.

    Returns:
        The errors, the warnings, and facts for `data_card.render`.
    """
    report = CheckReport(Path(path))
    try:
        contents = read_folder(report.path, lambda problem: report.error(str(problem)))
        _collect_facts(contents, report)
        if not report.path.is_dir():
            return report
        check_counts(contents, report)
        changed = _changed_files(contents)
        dataset = contents.dataset()
        if dataset is None:
            report.warn("Images, fingerprint and splits were not compared. Fix the errors first.")
        else:
            copies = check_images(dataset, report, track)
            check_splits(dataset, copies, report, changed)
        _report_changed(changed, report)
    except (OSError, ValueError) as error:  # a disk may fail, a file change at any moment
        report.error(f"{report.path} could not be read to the end: {error}")
    return report


def _collect_facts(contents: Contents, report: CheckReport) -> None:
    manifest, index = contents.manifest, contents.index
    report.facts["manifest"] = manifest
    if contents.images is not None:
        report.facts["shape"] = contents.images.shape
    if index is not None:
        report.facts["columns"] = index.header
        report.facts["boxes"] = index.boxes
        report.facts["subjects"] = len(set(index.subjects.tolist()) - {""})
        if index.labels is not None:
            report.facts["counts"] = index.counts(manifest["classes"])


def _changed_files(contents: Contents) -> set[str]:
    """Names of the files whose bytes differ from the manifest, or that it does not list.

    The fingerprint covers what a network learns from: images, labels, subjects, splits and further
    columns. Sources, boxes, scores, dropped items and the sides of each split are covered by the
    hashes of their files. Raises OSError.
    """
    recorded = contents.manifest.get("files", {})
    there = [name for name in HASHED if (contents.path / name).is_file()]
    return {name for name in there if sha256(contents.path / name) != recorded.get(name)}


def _report_changed(changed: set[str], report: CheckReport) -> None:
    """Reports changed files, except those with a more specific error."""
    if "files" not in report.facts["manifest"]:
        return  # this is an error already, and nothing can be said of any file
    for name in HASHED:
        if name in changed and not any(error.startswith(name) for error in report.errors):
            report.error(f"{name} was changed after it was prepared. {REPAIR_HINT}")
