"""Where rows go: to the screen as they come, or to a table on disk that appears when complete."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attention_fer.predict.command import show
from attention_fer.predict.command.work import PredictionWork
from attention_fer.predict.rows import FaceRow, columns
from attention_fer.predict.tables.baseline import Baseline
from attention_fer.predict.tables.conventions import Renaming
from attention_fer.predict.tables.draft import Draft
from attention_fer.predict.tables.formats import STREAMS, write_table
from attention_fer.predict.tables.manifest import PictureCounts, versions, write_manifest
from attention_fer.predict.video.choosing import FrameChoice


def to_screen(work: PredictionWork, form: str, renaming: Renaming, counts: PictureCounts) -> None:
    """Prints the rows of each picture.

    Args:
        work: the pictures.
        form: "text" or one of `STREAMS`.
        renaming: of the columns.
        counts: receives what became of the pictures.
    """

    def pictures() -> Iterator[list[FaceRow]]:
        for group in work.groups():
            for _, rows in group:
                counts.add([row.reason for row in rows])
                yield rows

    if form == "text":
        for rows in pictures():
            print("\n".join(show.lines(rows)), flush=True)
        return
    _as_a_file(sys.stdout)
    classes = work.predictor.network.classes
    values = (renaming(row.values(classes, work.smoothed)) for rows in pictures() for row in rows)
    STREAMS[form](sys.stdout, renaming.columns(columns(classes, work.smoothed)), values)


def _as_a_file(stream: Any) -> None:
    """Makes a pipe or file receive the bytes that `--out` would write, even on Windows."""
    if hasattr(stream, "reconfigure") and not stream.isatty():
        stream.reconfigure(encoding="utf-8", newline="\n")


def to_file(
    work: PredictionWork,
    out: Path,
    renaming: Renaming,
    counts: PictureCounts,
    options: Mapping[str, Any],
    baseline: FrameChoice | None = None,
) -> None:
    """Writes a table and its manifest, continuing where an interrupted run stopped.

    Args:
        work: the pictures.
        out: the table.
        renaming: of the columns.
        counts: receives what became of the pictures.
        options: further settings for the manifest.
        baseline: the span that all frames are compared with; None for no comparison.
    """
    settings = {**work.predictor.describe(), **options, **work.settings()}
    with Draft(out, {**settings, "files": work.identity(), "versions": versions()}) as draft:
        _fill(draft, work)
        compare = _comparison(draft, baseline, work)
        ours = columns(work.predictor.network.classes, work.smoothed, baseline is not None)
        names = renaming.columns(ours)
        rows = 0

        def values() -> Iterator[dict[str, Any]]:
            nonlocal rows
            for reasons, stored in draft.pictures():
                counts.add(reasons)
                rows += len(stored)
                yield from (renaming(compare(row)) for row in stored)

        write_table(out, names, values())
        span = None if baseline is None else [baseline.start, baseline.end]
        beside = write_manifest(out, {**settings, "baseline": span}, names, counts, rows)
        draft.remove()
    print(f"{show.plain(str(out))}: {rows:,} rows, {show.summary(counts, work.unit)}")
    print(f"{show.plain(str(beside))}: settings, versions and counts")


def _comparison(
    draft: Draft, span: FrameChoice | None, work: PredictionWork
) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """What adds the columns of the baseline to a row, if one is asked for."""
    if span is None:
        return lambda row: row
    rows = (row for _, stored in draft.pictures() for row in stored)
    found = Baseline(span, work.predictor.network.classes, rows)
    if found.missing:
        show.note(
            f"{found.missing:,} of {found.faces:,} faces have no expression from {span.start:g} to "
            f"{span.end:g} s, so their changes are empty"
        )
    return found


def _fill(draft: Draft, work: PredictionWork) -> None:
    """Predicts what the draft does not have yet."""
    if draft.discarded:
        show.note("an unfinished run with other settings or files is discarded")
    if draft.resumed:
        show.note(f"{draft.resumed:,} {work.unit} are already done")
    classes = work.predictor.network.classes
    for group in work.groups(draft.resumed, draft.pictures()):
        answered = [rows for _, rows in group]
        draft.append(
            answered, [[row.values(classes, work.smoothed) for row in rows] for rows in answered]
        )
