"""Explain a model's decisions on a folder of pictures.

`python -m attention_fer.explain MODEL.keras FOLDER --out gallery.png`

Subfolders named after the classes give the true class; a prepared dataset brings its images and
labels. The model is loaded in Keras's safe mode. Pictures are decoded, cropped and resized like the
data of a stored network; without such a record they are used whole.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attention_fer.common.checks import one_of, positive_int
from attention_fer.common.command import run
from attention_fer.explain.command.arguments import add_options, add_pictures, import_named

if TYPE_CHECKING:
    from attention_fer.explain.command.explainer import Explainer
    from attention_fer.explain.command.pictures import Picture

PROGRAM = "python -m attention_fer.explain"
PER_PAGE = 48


def parser(prog: str = PROGRAM) -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    result = argparse.ArgumentParser(
        prog,
        description=(__doc__ or "").replace(PROGRAM, prog),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add("model", metavar="MODEL", help="a .keras file, or a folder with model.keras")
    add_pictures(add)
    add(
        "--out",
        metavar="FILE.png",
        default="gallery.png",
        help=f"default: gallery.png; with more than {PER_PAGE} pictures FILE-1-of-2.png and so on",
    )
    add(
        "--answers",
        metavar="FILE",
        help="also write the probabilities of all classes to this .csv or .json file",
    )
    add("--method", default="grad-cam", metavar="NAME", help="grad-cam (default), rollout or gates")
    add("--layer", metavar="NAME", help="grad-cam: which layer's map; gates: one attention module")
    add("--output", metavar="NAME", help="name or index, if the model has several outputs")
    add_options(add)
    return result


def main(arguments: Sequence[str] | None = None, prog: str = PROGRAM) -> int:
    """Runs the command line. `prog` is the command that started it.

    Returns:
        Exit status: 0 done; 1 done, but some files could not be read; 2 wrong usage, no model, no
        picture, or a method that does not work for the model; 130 interrupted.
    """
    args = parser(prog).parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    return run(lambda: _explain(args))


def _explain(args: argparse.Namespace) -> int:
    from attention_fer.common.console import plain_console
    from attention_fer.common.progress import progress
    from attention_fer.explain.command.answers import write_answers
    from attention_fer.explain.command.model_file import find_model, read_metadata
    from attention_fer.explain.command.pictures import spread
    from attention_fer.explain.command.preparation import as_recorded

    out, answers = _output_file(args.out), _answers_file(args.answers)
    note = Notes()
    path = find_model(args.model)
    recorded, where = read_metadata(path)
    faces = None if args.whole else recorded.get("faces")
    found, how = as_recorded(args.images, faces, note)
    shown = spread(found, args.limit)
    explainer = _set_up(args, path, recorded, where, note)
    print(f"pictures: {len(shown)} of {len(found)}; {how} {explainer.model_input}")
    pages = [shown[start : start + PER_PAGE] for start in range(0, len(shown), PER_PAGE)]
    unreadable = 0
    with progress(plain_console(stderr=True), "pages") as track:
        for number, page in enumerate(track(pages, "explaining", len(pages), 0), start=1):
            unreadable += _draw(explainer, page, out, (number, len(pages)), how, args)
    if answers:
        write_answers(explainer.answers, answers)
        print(f"{answers}: {len(explainer.answers)} answers")
    if unreadable == len(shown):
        raise ValueError("none of the files could be read as a picture")
    if unreadable:
        print(f"{unreadable} of {len(shown)} files could not be read", file=sys.stderr)
    return 1 if unreadable else 0


class Notes:
    """Prints each note once."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def __call__(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            print(f"note: {text}", file=sys.stderr)


def _answers_file(given: str | None) -> Path | None:
    from attention_fer.explain.command.answers import SUFFIXES

    if given is None:
        return None
    path = Path(given)
    if path.suffix.lower() not in SUFFIXES or path.is_dir():
        raise ValueError(f"--answers must be a {' or '.join(SUFFIXES)} file, got {given!r}.")
    return path


def _output_file(given: str) -> Path:
    """Checks the file to write before any work is done."""
    out = Path(given)
    if out.suffix.lower() != ".png" or out.is_dir():
        raise ValueError(f"--out must be a .png file, got {given!r}.")
    return out


def _set_up(
    args: argparse.Namespace,
    path: Path,
    recorded: Mapping[str, Any],
    where: Path | None,
    note: Callable[[str], None],
) -> Explainer:
    from attention_fer.explain.command import model_file
    from attention_fer.explain.command.explainer import Explainer
    from attention_fer.explain.command.methods import METHODS
    from attention_fer.explain.command.model_input import infer_input
    from attention_fer.explain.command.pixel_scale import PIXELS
    from attention_fer.predict.networks.description import output_kind

    method = METHODS[args.method]
    if args.layer and not method.layers:
        raise ValueError(f"--layer has no effect with --method {args.method}. Leave it out.")
    pixels = args.pixels and one_of("--pixels", args.pixels, PIXELS)
    size = None if args.size is None else positive_int("--size", args.size)
    names = model_file.class_names(args.classes) if args.classes else recorded.get("classes")
    import_named(args.imports)
    loaded = model_file.load_model(path)
    model = model_file.without_mirror_images(loaded)
    if model is not loaded:
        note("the model averages over each picture and its mirror image; only the former is shown")
    source = "--classes" if args.classes else where or "unknown: give --classes"
    print(f"model: {path}; classes: {', '.join(names) if names else 'by number'} ({source})")
    model_input = infer_input(model, size=size, pixels=pixels, recorded=recorded.get("input"))
    logits = output_kind(recorded, where)[0] if recorded.get("output") else None
    return Explainer(model, method, model_input, names, note, args.layer, args.output, logits)


def _draw(
    explainer: Explainer,
    pictures: list[Picture],
    out: Path,
    number: tuple[int, int],
    how: str,
    args: argparse.Namespace,
) -> int:
    """Writes a page, prints its path, and returns how many of its files could not be read."""
    from attention_fer.explain.drawing.gallery import gallery

    cards = explainer.cards(pictures)
    place, pages = number
    path = out if pages == 1 else out.with_stem(f"{out.stem}-{place}-of-{pages}")
    what = f"{args.method} of {explainer.target}" if explainer.target else args.method
    gallery(
        cards,
        path,
        title=what + (f", page {place} of {pages}" if pages > 1 else ""),
        notes=f"model {args.model}; {how} {explainer.model_input}",
        meaning=explainer.method.meaning,
    )
    print(f"{path}: {len(cards)} pictures, {what}")
    return sum(card.image is None for card in cards)


if __name__ == "__main__":
    sys.exit(main())
