"""Prepare a dataset: `python -m preprocessing.run --dataset fer2013 --source archive.zip`.

A face detector finds the faces in photographs; datasets of cropped faces need none. To resume an
interrupted run, repeat its command. `--check DIR` verifies a prepared dataset instead and prints
its data card.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from rich.console import Console

from attention_fer.common.command import run
from attention_fer.common.console import escaped, plain_console
from attention_fer.common.progress import progress
from preprocessing import detectors, sources
from preprocessing.detectors.decode import THRESHOLD
from preprocessing.faces import crops, selection
from preprocessing.faces.cropper import MISSING, FaceCropper
from preprocessing.faces.crops import COLOURS
from preprocessing.faces.squares import RULES
from preprocessing.prepare import check_request, prepare
from preprocessing.quality.check import check
from preprocessing.quality.data_card import render
from preprocessing.quality.summary import show

PROGRAM = "python -m preprocessing.run"
DETECTION = ("weights", "hub_repo", "trust_checkpoint")
CROPPING = tuple(field.name for field in fields(FaceCropper) if field.name != "detector")


def parser(prog: str = PROGRAM) -> argparse.ArgumentParser:
    """The command line's arguments. None stands for the default of the code that receives it."""
    result = argparse.ArgumentParser(prog, description=(__doc__ or "").replace(PROGRAM, prog))
    task = result.add_mutually_exclusive_group(required=True)
    task.add_argument("--dataset", metavar="NAME", help=f"one of {', '.join(sources.names())}")
    task.add_argument("--check", metavar="DIR", help="verify a prepared dataset, print its card")
    add = result.add_argument
    add("--source", metavar="PATH", help="the raw files: a directory, a .zip, a .csv, a recording")
    add("--out", metavar="DIR", help="folder to create (default: data/NAME)")
    add(
        "--name",
        metavar="NAME",
        help="dataset's name (default: as --dataset; for folder, as --out)",
    )
    add("--overwrite", action="store_true", help="replace an existing prepared dataset")
    add("--restart", action="store_true", help="start over instead of resuming an interrupted run")
    add("--workers", type=int, metavar="N", help="threads (default: one per core)")
    add("--strict", action="store_true", help="exit with status 1 if anything could be a mistake")
    add("--sheet", action="store_true", help="draw a contact sheet of every class in DIR/sheets")
    add = result.add_argument_group("leaving images out").add_argument
    add("--without", nargs="+", default=[], metavar="CLASS", help="classes to leave out")
    add("--drop-duplicates", action="store_true", help="keep the first of byte-identical images")
    add("--drop-flat", action="store_true", help="leave out images of one grey level")
    _add_faces(result)
    _add_options(result)
    return result


def _add_faces(result: argparse.ArgumentParser) -> None:
    """Adds the arguments of everything that finds and crops faces."""
    add = result.add_argument_group("face detection").add_argument
    known, usual = ", ".join((*detectors.names(), "none")), detectors.DEFAULT
    risk = "open a .pt file of unknown hash; it can run any code"
    add("--detector", metavar="NAME", help=f"{known} (default: {usual}; none for cropped faces)")
    add("--weights", metavar="W", help="n-0.5, n, s, m of yolo5face; n, s of yunet; or a file")
    add(
        "--hub-repo", metavar="PATH", help="local copy of YOLO5Face's repository, for yolo5face-hub"
    )
    add("--trust-checkpoint", action="store_true", default=None, help=risk)
    least = "minimum score of a face (default: 0.75 for yunet, else 0.6)"
    add("--min-confidence", type=float, metavar="P", help=least)
    add(
        "--select",
        choices=selection.names(),
        help="which face, if there are several (default: largest)",
    )
    add("--missing", choices=MISSING, help="what to do without a face (default: skip)")
    add = result.add_argument_group("crops").add_argument
    margin = "added on each side, as a fraction of the box (default: 0)"
    add("--margin", type=float, metavar="F", help=margin)
    add("--square", action="store_true", default=None, help="widen the box to a square")
    add("--like", choices=list(RULES), help="crop squares as this dataset does")
    add("--align", action="store_true", default=None, help="rotate until the eyes are level")
    add("--size", type=int, metavar="N", help="side of the image in pixels (default: 48)")
    add("--colour", choices=COLOURS, help="colour of the images (default: grey)")


def _add_options(result: argparse.ArgumentParser) -> None:
    """Adds the options of sources, under the names that their `open` has for them."""
    add = result.add_argument_group("options of single datasets").add_argument
    neutral = "ckplus: do not use first frames as neutral"
    labels = (
        "folder: a table of labels (default: class folders); ferplus: majority or plurality "
        "(default: majority); eeg: a table of labels (default: annotations, events, conditions)"
    )
    columns = "folder: columns of --labels, as in image=file label=emotion (default: recognised)"
    join = "ferplus: table that joins the votes to FER2013 as folders"
    add("--seed", type=int, metavar="N", help="schematic, eeg-generated: random seed (default: 0)")
    add("--frames", type=int, metavar="N", help="ckplus: last frames of a sequence (default: 3)")
    add("--no-neutral", dest="neutral", action="store_false", default=None, help=neutral)
    add("--subject-pattern", metavar="REGEX", help="folder, eeg: finds the subject in a path")
    add("--votes", metavar="PATH", help="ferplus: fer2013new.csv (default: next to the faces)")
    add("--labels", metavar="BY", help=labels)
    add("--columns", nargs="+", metavar="WHAT=NAME", help=columns)
    add("--join", metavar="FILE", help=join)
    add = result.add_argument_group("EEG").add_argument
    seconds: dict[str, Any] = {"type": float, "metavar": "S"}
    values = "values shown black and white (default: -30 40 dB; -50 50 uV)"
    pair: dict[str, Any] = {"type": float, "nargs": 2, "metavar": ("LOW", "HIGH")}
    add("--montage", metavar="NAME", help="electrode positions (default: those of the file)")
    add("--drop-channels", nargs="+", metavar="NAME", help="channels to leave out")
    add("--events", nargs="+", metavar="NAME", help="annotations used as labels (default: all)")
    add("--window", **seconds, help="seconds shown by an image (default: 2, or all)")
    add(
        "--step",
        **seconds,
        help="seconds from the start of one window to the next (default: --window)",
    )
    add("--tmin", **seconds, help="start of trials, in seconds from their event")
    add("--tmax", **seconds, help="end of trials, in seconds from their event")
    add("--features", metavar="WHAT", help="power in bands, or slices of time (default: bands)")
    add("--slices", type=int, metavar="N", help="number of slices (default: 5)")
    add("--range", dest="value_range", **pair, help=values)
    add("--dimension", metavar="NAME", help="deap: the rating (default: valence)")
    add("--subjects", type=int, metavar="N", help="eeg-generated: subjects (default: 15)")
    add("--trials", type=int, metavar="N", help="eeg-generated: trials of each (default: 20)")


def main(arguments: Sequence[str] | None = None, prog: str = PROGRAM) -> int:
    """Runs the command line. `prog` is the command that started it.

    Returns:
        Exit status: 0 done; 1 a checked dataset has errors, or with `--strict` anything could be a
            mistake; 2 wrong usage, unreadable data, a full disk or a broken detector, 130
            interrupted.
    """
    args = parser(prog).parse_args(arguments)
    output = plain_console(soft_wrap=True)
    errors = plain_console(stderr=True, soft_wrap=True)
    return run(
        lambda: _prepare(args, output, errors) if args.check is None else _check(args, errors),
        advice="rerun the same command to resume" if args.check is None else "",
        memory_advice="Give fewer --workers.",
    )


def _prepare(args: argparse.Namespace, output: Console, errors: Console) -> int:
    source = sources.get(args.dataset)
    known = {option for name in sources.names() for option in sources.get(name).options}
    # Only for maps is --size an option of the source; for faces it is one of cropping.
    wanted = [name for name in vars(args) if name in known - {"size"}]
    options = _given(args, [*wanted, "size"] if source.kind == "maps" else wanted)
    for name in sorted(set(options) - source.options):
        flags = [_flag(one) for one in vars(args) if one in source.options]
        raise ValueError(
            f"{source.name} has no option {_flag(name)}. Its options are: "
            f"{', '.join(flags) or 'none'}."
        )
    out = args.out or f"data/{source.name}"
    # Before any weights are fetched.
    check_request(source, args.source, out, args.overwrite, args.without, options)
    faces = _faces_in_time(args, source)
    with progress(errors) as track:
        dataset = prepare(
            source.name,
            args.source,
            out,
            title=args.name,
            overwrite=args.overwrite,
            restart=args.restart,
            drop_flat=args.drop_flat,
            drop_duplicates=args.drop_duplicates,
            without=args.without,
            faces=faces,
            sheets=args.sheet,
            workers=args.workers,
            track=track,
            notice=lambda text: _tell(text, errors),
            **options,
        )
    show(dataset, output)
    return 1 if args.strict and dataset.manifest["warnings"] else 0


def _tell(text: str, errors: Console) -> None:
    kind, style = ("warning", "red") if isinstance(text, sources.Doubt) else ("note", "yellow")
    errors.print(f"{kind}: {escaped(text)}", style=style)


def _faces_in_time(
    args: argparse.Namespace, source: sources.Source
) -> FaceCropper | Callable[[], FaceCropper]:
    """Makes the rows now, or with a detector, whose weights may be fetched, when it is needed."""
    if source.kind == "maps" or _detector(args, source) == "none":
        return _faces(args, source)
    detectors.get(_detector(args, source))
    return lambda: _faces(args, source)


def _detector(args: argparse.Namespace, source: sources.Source) -> str:
    return args.detector or (detectors.DEFAULT if source.kind == "photographs" else "none")


def _faces(args: argparse.Namespace, source: sources.Source) -> FaceCropper:
    """Makes the rows; ready faces are not searched for faces unless --detector is given."""
    if source.kind == "maps":
        for option in _given(args, ("detector", *DETECTION, *CROPPING)):
            if option != "size":  # which goes to the source
                raise ValueError(
                    f"{_flag(option)} has no effect on {source.name}, whose images are not "
                    "photographs. Leave it out."
                )
        return FaceCropper(None)
    cropping = _given(args, CROPPING)
    name = _detector(args, source)
    if name != "none":
        detection = _given(args, DETECTION)
        if args.min_confidence is not None and "threshold" in detectors.options(name):
            # The detector's own threshold drops only if the user asks for less.
            detection["threshold"] = min(THRESHOLD, args.min_confidence)
        return FaceCropper(detectors.make(name, **detection), **cropping)
    for option in _given(args, DETECTION):
        raise ValueError(f"{_flag(option)} has no effect without a detector. Give --detector NAME.")
    if source.kind == "photographs":  # photographs come in all sizes
        cropping = {"size": crops.SIZE, "colour": crops.COLOUR, **cropping}
    return FaceCropper(None, **cropping)


def _check(args: argparse.Namespace, errors: Console) -> int:
    default = vars(parser().parse_args(["--check", args.check]))
    for name, value in vars(args).items():
        if name != "strict" and value != default[name]:
            raise ValueError(f"{_flag(name)} has no effect with --check. Leave one of them out.")
    with progress(errors) as track:
        report = check(args.check, track=track)
    print(escaped(render(report)))  # plain text, which can go into a file
    for text in report.errors:
        errors.print(f"error: {escaped(text)}", style="red")
    verdict = "sound" if report.ok else "damaged; do not use it as it is"
    errors.print(f"{args.check} is {verdict}; warnings: {len(report.warnings)}, in the card")
    return 0 if report.ok and not (args.strict and report.doubts) else 1


def _given(args: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """The named arguments that were given."""
    values = ((name, getattr(args, name)) for name in names)
    return {name: value for name, value in values if value is not None}


_FLAGS = {"value_range": "--range", "neutral": "--no-neutral"}
"""Arguments whose flags have other names."""


def _flag(name: str) -> str:
    return _FLAGS.get(name) or f"--{name.replace('_', '-')}"


if __name__ == "__main__":
    sys.exit(main())
