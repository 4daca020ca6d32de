"""Runs the command: checks its arguments, predicts, and reports the outcome."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from dataclasses import astuple
from pathlib import Path

from attention_fer.common.checks import one_of
from attention_fer.predict.command import show
from attention_fer.predict.command.outputs import to_file, to_screen
from attention_fer.predict.command.sources import source
from attention_fer.predict.command.work import PictureWork, PredictionWork
from attention_fer.predict.faces import FAILED, NO_FACE, TOO_SMALL
from attention_fer.predict.networks import open_network
from attention_fer.predict.predictor import Predictor
from attention_fer.predict.region import Region
from attention_fer.predict.self_test import TOLERANCE, run_self_test
from attention_fer.predict.tables.baseline import baseline_span
from attention_fer.predict.tables.conventions import CONVENTIONS
from attention_fer.predict.tables.formats import STREAMS, check_file
from attention_fer.predict.tables.manifest import NOT_A_PICTURE, PictureCounts, check_manifest
from attention_fer.predict.video.choosing import FrameChoice
from attention_fer.predict.video.decoding import named_video


def self_test(args: argparse.Namespace) -> int:
    """Runs `--self-test` and returns the exit status."""
    if args.inputs:
        raise ValueError(f"INPUT has no effect with --self-test, got {args.inputs[0]!r}.")
    for name in ("out", "format", "annotate", "camera"):
        if vars(args)[name] is not None:
            raise ValueError(f"--{name} has no effect with --self-test. Leave it out.")
    network = open_network(args.model, threads=args.threads)
    gaps = run_self_test(network)
    wrong = sum(not gap <= TOLERANCE for gap in gaps)
    told = f"largest difference of a probability {max(gaps):.1e}, allowed {TOLERANCE:g}"
    verdict = f"{wrong} of {len(gaps)} pictures differ" if wrong else f"{len(gaps)} pictures agree"
    print(f"{network.name}: {verdict}; {told}")
    return 1 if wrong else 0


def predict(args: argparse.Namespace) -> int:
    """Predicts and returns the exit status."""
    _refuse_empty(args)
    convention = CONVENTIONS[one_of("--columns", args.columns, CONVENTIONS)]
    out = Path(args.out) if args.out else None
    form = _form(args, out)
    baseline = _baseline(args)
    with ExitStack() as stack:
        opened = source(args, stack)
        predictor = _predictor(args)
        renaming = convention.renaming(predictor.network.classes)
        work = opened(predictor)
        counts = _count_others(work)
        if out is None:
            to_screen(work, form, renaming, counts)
        else:
            options = {name: vars(args)[name] for name in ("inputs", "columns", "annotate")}
            to_file(work, out, renaming, counts, options, baseline)
    return _status(args, counts)


def _refuse_empty(args: argparse.Namespace) -> None:
    """Empty text is what a variable of a shell gives that was never set."""
    for name in ("out", "annotate", "weights"):
        if vars(args)[name] == "":
            raise ValueError(f"--{name} must not be empty. Give a name, or leave it out.")


def _form(args: argparse.Namespace, out: Path | None) -> str:
    """The format of what is printed, "" if a file is written."""
    if out is not None:
        if args.format:
            raise ValueError("--format has no effect with --out, whose name gives the format.")
        check_file(out)
        check_manifest(out)
        return ""
    if sys.stdout is None:
        raise ValueError("There is no standard output to print to. Give --out FILE.")
    form = one_of("--format", args.format or "text", ["text", *STREAMS])
    if form == "text" and args.columns != "own":
        raise ValueError("--columns has no effect on text. Give --out FILE or --format csv.")
    return form


def _baseline(args: argparse.Namespace) -> FrameChoice | None:
    if args.baseline is None:
        return None
    if not args.out:
        raise ValueError("--baseline needs --out, because it compares with later frames, too.")
    return baseline_span(args.baseline)


def _predictor(args: argparse.Namespace) -> Predictor:
    return Predictor(
        args.model,
        detector=args.detector,
        weights=args.weights,
        min_score=args.min_score,
        min_size=args.min_size,
        largest=args.largest,
        roi=None if args.roi is None else astuple(Region.parsed(args.roi)),
        threads=args.threads,
    )


def _count_others(work: PredictionWork) -> PictureCounts:
    counts = PictureCounts()
    others = work.found.others if isinstance(work, PictureWork) else ()
    if others:
        counts.skipped[NOT_A_PICTURE] = len(others)
        show.note(f"left out, not a picture: {show.several(others)}")
        if videos := [name for name in others if named_video(name)]:
            show.note(f"use a separate command for the videos: {show.several(videos)}")
    return counts


def _status(args: argparse.Namespace, counts: PictureCounts) -> int:
    skipped = {*counts.skipped} - {NOT_A_PICTURE}
    nothing = not counts.used and not skipped & {NO_FACE, TOO_SMALL, FAILED}
    return 1 if nothing or (args.strict and skipped) else 0
