"""Whether the text files of a prepared folder are, to the byte, those that were prepared.

The fingerprint covers what a network learns from: images, labels, subjects, splits and further
columns. Where an image came from, its box and its score, what was left out and who is on which
side of a split are covered by the hashes of their files.
"""

from __future__ import annotations

from preprocessing.dataset.folder import DROPPED, SPLITS
from preprocessing.dataset.index import INDEX, MEND, sha256
from preprocessing.quality.check.report import Report

HASHED = (INDEX, DROPPED, SPLITS)


def changed_files(report: Report) -> set[str]:
    """Names of the files that are not as the manifest says, or of which it says nothing.

    Raises:
        OSError: a file cannot be read.
    """
    recorded = report.facts.get("manifest", {}).get("files", {})
    there = [name for name in HASHED if (report.path / name).is_file()]
    return {name for name in there if sha256(report.path / name) != recorded.get(name)}


def tell_changed(changed: set[str], report: Report) -> None:
    """Tell the report of changed files, but of none of which it knows already what is wrong."""
    if "files" not in report.facts.get("manifest", {}):
        return  # one error says so, and nothing can be said of any file
    for name in HASHED:
        if name in changed and not any(error.startswith(name) for error in report.errors):
            report.error(f"{name} was changed after it was prepared; {MEND}")
