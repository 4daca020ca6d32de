"""Runs the command: pictures through a predictor, to the screen or to files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attention_fer.common.checks import one_of
from attention_fer.common.progress import Track, untracked
from attention_fer.predict.command import show
from attention_fer.predict.defaults import BATCH
from attention_fer.predict.faces import FAILED, NO_FACE, TOO_SMALL
from attention_fer.predict.frames import Frame, grouped
from attention_fer.predict.pictures import FoundPictures, find_pictures
from attention_fer.predict.predictor import Predictor
from attention_fer.predict.rows import FaceRow
from attention_fer.predict.tables.conventions import CONVENTIONS
from attention_fer.predict.tables.draft import Draft
from attention_fer.predict.tables.formats import STREAMS, check_file, write_table
from attention_fer.predict.tables.manifest import (
    NOT_A_PICTURE,
    PictureCounts,
    versions,
    write_manifest,
)

Group = list[tuple[Frame, list[FaceRow]]]
"""Pictures that went through the network together, each with its rows."""


def self_test(args: argparse.Namespace) -> int:
    """Runs `--self-test` and returns the exit status."""
    from attention_fer.predict.networks import open_network
    from attention_fer.predict.self_test import TOLERANCE, run_self_test

    if args.inputs:
        raise ValueError(f"INPUT has no effect with --self-test, got {args.inputs[0]!r}.")
    network = open_network(args.model, threads=args.threads)
    gaps = run_self_test(network)
    wrong = sum(not gap <= TOLERANCE for gap in gaps)
    told = f"largest difference of a probability {max(gaps):.1e}, allowed {TOLERANCE:g}"
    verdict = f"{wrong} of {len(gaps)} pictures differ" if wrong else f"{len(gaps)} pictures agree"
    print(f"{network.name}: {verdict}; {told}")
    return 1 if wrong else 0


def predict(args: argparse.Namespace) -> int:
    """Predicts and returns the exit status."""
    convention = CONVENTIONS[one_of("--columns", args.columns, CONVENTIONS)]
    out = Path(args.out) if args.out else None
    form = _form(args, out)
    if not args.inputs:
        raise ValueError("INPUT must be a photograph, folder or archive, got nothing. See --help.")
    found = find_pictures(args.inputs)
    _check_annotate(args)
    predictor = _predictor(args)
    counts = PictureCounts()
    if found.others:
        counts.skipped[NOT_A_PICTURE] = len(found.others)
        shown = ", ".join(found.others[:3]) + (", ..." if found.others[3:] else "")
        _note(f"left out, not a picture: {len(found.others):,}: {shown}")
    rename = convention.renamer(predictor.network.classes)
    names = list(rename(dict.fromkeys(predictor.columns)))
    with _progress(len(found.pictures), bool(out or args.annotate)) as track:
        if out is None:
            groups = _groups(predictor, found, 0, track, args.annotate)
            _to_screen(groups, form, predictor, (rename, names), counts)
        else:
            _to_file(out, args, predictor, found, (rename, names), counts, track)
    return _status(args, counts)


def _form(args: argparse.Namespace, out: Path | None) -> str:
    if out is not None:
        if args.format:
            raise ValueError("--format has no effect with --out, whose name says the format.")
        check_file(out)
        return ""
    form = one_of("--format", args.format or "text", ["text", *STREAMS])
    if form == "text" and args.columns != "own":
        raise ValueError("--columns has no effect on text. Give --out FILE or --format csv.")
    return form


def _check_annotate(args: argparse.Namespace) -> None:
    """Drawings must not replace photographs."""
    if args.annotate is None:
        return
    folder = Path(args.annotate).resolve()
    places = [Path(given).resolve() for given in args.inputs]
    if any(folder in (place, place.parent) or place in folder.parents for place in places):
        raise ValueError(
            f"--annotate must be a folder apart from the photographs, got {args.annotate!r}."
        )


def _predictor(args: argparse.Namespace) -> Predictor:
    return Predictor(
        args.model,
        detector=args.detector,
        weights=args.weights,
        min_score=args.min_score,
        min_size=args.min_size,
        largest=args.largest,
        threads=args.threads,
    )


@contextmanager
def _progress(pictures: int, wanted: bool) -> Iterator[Track]:
    if not wanted or pictures < 2:
        yield untracked
        return
    from attention_fer.common.console import plain_console
    from attention_fer.common.progress import progress

    with progress(plain_console(stderr=True), "pictures") as track:
        yield track


def _groups(
    predictor: Predictor, found: FoundPictures, done: int, track: Track, annotate: str | None
) -> Iterator[Group]:
    """Predicts what is left of the pictures, and draws on them."""
    frames = (picture.frame() for picture in found.pictures[done:])
    tracked = track(frames, "predicting", len(found.pictures), done)
    for group in grouped(tracked, BATCH):
        answered = list(zip(group, predictor.rows(group), strict=True))
        if annotate is not None:
            _annotate(Path(annotate), answered)
        yield answered


def _annotate(folder: Path, group: Group) -> None:
    from attention_fer.predict.drawing import write_annotated

    for frame, rows in group:
        if frame.pixels is not None:
            write_annotated(folder, frame.name, frame.pixels, rows)


def _to_screen(
    groups: Iterator[Group],
    form: str,
    predictor: Predictor,
    table: tuple[Callable[..., dict[str, Any]], Sequence[str]],
    counts: PictureCounts,
) -> None:
    rename, names = table

    def counted() -> Iterator[list[FaceRow]]:
        for group in groups:
            for _, rows in group:
                counts.add([row.reason for row in rows])
                yield rows

    if form == "text":
        for rows in counted():
            print("\n".join(show.lines(rows)), flush=True)
        return
    values = (rename(row.values(predictor.network.classes)) for rows in counted() for row in rows)
    STREAMS[form](sys.stdout, names, values)


def _to_file(
    out: Path,
    args: argparse.Namespace,
    predictor: Predictor,
    found: FoundPictures,
    table: tuple[Callable[..., dict[str, Any]], Sequence[str]],
    counts: PictureCounts,
    track: Track,
) -> None:
    rename, names = table
    settings = {"inputs": args.inputs, **predictor.describe(), "annotate": args.annotate}
    draft = Draft(out, {**settings, "identity": found.identity, "versions": versions()})
    if draft.discarded:
        _note("an unfinished run with other settings or files is discarded")
    if draft.resumed:
        _note(f"{draft.resumed:,} pictures are done already")
    classes = predictor.network.classes
    for group in _groups(predictor, found, draft.resumed, track, args.annotate):
        answered = [rows for _, rows in group]
        draft.append(answered, [[row.values(classes) for row in rows] for rows in answered])
    rows = 0

    def values() -> Iterator[dict[str, Any]]:
        nonlocal rows
        for reasons, stored in draft.pictures():
            counts.add(reasons)
            rows += len(stored)
            yield from map(rename, stored)

    write_table(out, names, values())
    chosen = {**settings, "columns": args.columns}
    beside = write_manifest(out, chosen, names, counts, rows)
    draft.remove()
    print(f"{out}: {rows:,} rows, {show.summary(counts)}")
    print(f"{beside}: settings, versions and counts")


def _status(args: argparse.Namespace, counts: PictureCounts) -> int:
    skipped = {*counts.skipped} - {NOT_A_PICTURE}
    nothing = not counts.used and not skipped & {NO_FACE, TOO_SMALL, FAILED}
    return 1 if nothing or (args.strict and skipped) else 0


def _note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)
