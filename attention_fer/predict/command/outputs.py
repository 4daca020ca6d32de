"""Where rows go: to the screen as they come, or to a table on disk that appears when complete."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attention_fer.predict.command import show
from attention_fer.predict.command.work import PredictionWork
from attention_fer.predict.rows import FaceRow, columns
from attention_fer.predict.tables.conventions import Renaming
from attention_fer.predict.tables.draft import Draft
from attention_fer.predict.tables.formats import STREAMS, write_table
from attention_fer.predict.tables.manifest import PictureCounts, versions, write_manifest


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
) -> None:
    """Writes a table and its manifest, continuing where an interrupted run stopped.

    Args:
        work: the pictures.
        out: the table.
        renaming: of the columns.
        counts: receives what became of the pictures.
        options: further settings for the manifest.
    """
    settings = {**work.predictor.describe(), **options, **work.settings()}
    with Draft(out, {**settings, "files": work.identity(), "versions": versions()}) as draft:
        _fill(draft, work)
        names = renaming.columns(columns(work.predictor.network.classes, work.smoothed))
        rows = 0

        def values() -> Iterator[dict[str, Any]]:
            nonlocal rows
            for reasons, stored in draft.pictures():
                counts.add(reasons)
                rows += len(stored)
                yield from map(renaming, stored)

        write_table(out, names, values())
        beside = write_manifest(out, settings, names, counts, rows)
        draft.remove()
    print(f"{show.plain(str(out))}: {rows:,} rows, {show.summary(counts, work.unit)}")
    print(f"{show.plain(str(beside))}: settings, versions and counts")


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
