"""Where rows go: to the screen as they come, or to a table on disk that appears when complete."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attention_fer.predict.command import show
from attention_fer.predict.command.picture_run import PictureRun
from attention_fer.predict.rows import FaceRow
from attention_fer.predict.tables.conventions import Renaming
from attention_fer.predict.tables.draft import Draft
from attention_fer.predict.tables.formats import STREAMS, write_table
from attention_fer.predict.tables.manifest import PictureCounts, versions, write_manifest


def to_screen(run: PictureRun, form: str, renaming: Renaming, counts: PictureCounts) -> None:
    """Prints the rows of each picture.

    Args:
        run: the pictures.
        form: "text" or one of `STREAMS`.
        renaming: of the columns.
        counts: receives what became of the pictures.
    """

    def pictures() -> Iterator[list[FaceRow]]:
        for group in run.groups():
            for _, rows in group:
                counts.add([row.reason for row in rows])
                yield rows

    if form == "text":
        for rows in pictures():
            print("\n".join(show.lines(rows)), flush=True)
        return
    classes = run.predictor.network.classes
    values = (renaming(row.values(classes)) for rows in pictures() for row in rows)
    STREAMS[form](sys.stdout, renaming.columns(run.predictor.columns), values)


def to_file(
    run: PictureRun,
    out: Path,
    renaming: Renaming,
    counts: PictureCounts,
    options: Mapping[str, Any],
) -> None:
    """Writes a table and its manifest, going on where an interrupted run stopped.

    Args:
        run: the pictures.
        out: the table.
        renaming: of the columns.
        counts: receives what became of the pictures.
        options: further settings for the manifest.
    """
    settings = {**run.predictor.describe(), **options}
    draft = Draft(out, {**settings, "files": run.found.identity, "versions": versions()})
    if draft.discarded:
        show.note("an unfinished run with other settings or files is discarded")
    if draft.resumed:
        show.note(f"{draft.resumed:,} pictures are done already")
    classes = run.predictor.network.classes
    for group in run.groups(draft.resumed):
        answered = [rows for _, rows in group]
        draft.append(answered, [[row.values(classes) for row in rows] for rows in answered])
    rows = 0

    def values() -> Iterator[dict[str, Any]]:
        nonlocal rows
        for reasons, stored in draft.pictures():
            counts.add(reasons)
            rows += len(stored)
            yield from map(renaming, stored)

    names = renaming.columns(run.predictor.columns)
    write_table(out, names, values())
    beside = write_manifest(out, settings, names, counts, rows)
    draft.remove()
    print(f"{out}: {rows:,} rows, {show.summary(counts)}")
    print(f"{beside}: settings, versions and counts")
