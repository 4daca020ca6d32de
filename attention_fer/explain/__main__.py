"""Explain a model's decisions on a folder of pictures.

``python -m attention_fer.explain MODEL.keras FOLDER --out gallery.png``

Subfolders named as the classes say what is true. The model is read in Keras's safe mode; the
pictures are resized as a whole, no face is looked for.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attention_fer.common.checks import positive_int

if TYPE_CHECKING:
    from attention_fer.explain.command.job import Job
    from attention_fer.explain.command.pictures import Picture

PER_PAGE = 48


def parser() -> argparse.ArgumentParser:
    """The command line's arguments."""
    result = argparse.ArgumentParser(
        "python -m attention_fer.explain",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add("model", metavar="MODEL", help="a .keras file, or a folder with model.keras")
    add("images", metavar="FOLDER", help="of pictures, or of a subfolder for each class")
    add(
        "--out",
        metavar="FILE.png",
        default="gallery.png",
        help=f"default: gallery.png; above {PER_PAGE} pictures FILE-1-of-2.png and so on",
    )
    add("--method", default="grad-cam", metavar="NAME", help="grad-cam (default), rollout or gates")
    add("--layer", metavar="NAME", help="grad-cam: whose map; gates: one attention module")
    add("--output", metavar="NAME", help="name or index, where the model has several outputs")
    add("--classes", nargs="+", metavar="NAME", help="names in order, or one file with them")
    add("--pixels", metavar="SCALE", help="0-255 or 0-1 (default: by rule, printed)")
    add("--size", type=int, metavar="N", help="sides of a picture, where the model takes any")
    add("--limit", type=int, metavar="N", help="that many pictures, evenly spaced over the folder")
    add(
        "--import",
        dest="imports",
        action="append",
        default=[],
        metavar="MODULE",
        help="Python module that registers the model's own layers; may be given several times",
    )
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        Exit status: 0 done, 1 done but some files could not be read, 2 wrong usage, no model, no
        picture or a model that the method does not fit, 130 interrupted.
    """
    args = parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        return _explain(args)
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _explain(args: argparse.Namespace) -> int:
    from attention_fer.explain.command.pictures import pictures
    from attention_fer.explain.command.progress import track

    out = _out(args.out)
    found = pictures(args.images)
    shown = _spread(found, args.limit)
    job = _job(args)
    print(f"pictures: {len(shown)} of {len(found)}; {job.taken}")
    pages = -(-len(shown) // PER_PAGE)
    unreadable, waiting = 0, list[Any]()
    for number, picture in enumerate(track(shown, "explaining", len(shown)), start=1):
        waiting.append(picture)
        if len(waiting) == PER_PAGE or number == len(shown):
            unreadable += _draw(job, waiting, out, (-(-number // PER_PAGE), pages), args)
            waiting = []
    if unreadable == len(shown):
        raise ValueError("none of the files could be read as a picture")
    if unreadable:
        print(f"{unreadable} of {len(shown)} files could not be read", file=sys.stderr)
    return 1 if unreadable else 0


def _out(given: str) -> Path:
    """The file to write; what is wrong with it shows before any work."""
    out = Path(given)
    if out.suffix.lower() != ".png" or out.is_dir():
        raise ValueError(f"--out is a .png file, given: {given!r}.")
    return out


def _spread(found: list[Picture], limit: int | None) -> list[Picture]:
    """All pictures, or so many of them, evenly spaced."""
    if limit is None or positive_int("--limit", limit) >= len(found):
        return found
    return [found[(2 * i + 1) * len(found) // (2 * limit)] for i in range(limit)]


def _job(args: argparse.Namespace) -> Job:
    from attention_fer.common.checks import one_of
    from attention_fer.explain.command import model_file
    from attention_fer.explain.command.job import Job
    from attention_fer.explain.command.methods import METHODS
    from attention_fer.explain.command.model_input import PIXELS, input_of

    method = METHODS[one_of("--method", args.method, METHODS)]
    if args.layer and "layer" not in method.takes:
        raise ValueError(f"--layer has no effect with --method {args.method}: leave it out.")
    pixels = args.pixels and one_of("--pixels", args.pixels, PIXELS)
    size = None if args.size is None else positive_int("--size", args.size)
    path = model_file.model_file(args.model)
    noted, where = model_file.card(path)
    names = model_file.class_names(args.classes) if args.classes else noted.get("classes")
    for module in args.imports:
        importlib.import_module(module)
    model = model_file.load(path)
    source = "--classes" if args.classes else where or "not known: give --classes"
    print(f"model: {path}; classes: {', '.join(names) if names else 'by number'} ({source})")
    taken = input_of(model, size=size, pixels=pixels, recorded=noted.get("input"))
    return Job(model, method, taken, names, _tell, args.layer, args.output)


def _tell(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)


def _draw(
    job: Job, some: list[Picture], out: Path, number: tuple[int, int], args: argparse.Namespace
) -> int:
    """Writes a page and says where; returns how many files on it could not be read."""
    from attention_fer.explain.gallery.page import gallery

    cards = job.cards(some)
    place, pages = number
    path = out if pages == 1 else out.with_stem(f"{out.stem}-{place}-of-{pages}")
    looks_at = f" of {job.looks_at[0]}" if job.looks_at else ""
    gallery(
        cards,
        path,
        title=f"{args.method}{looks_at}" + (f", page {place} of {pages}" if pages > 1 else ""),
        notes=f"model {args.model}; {job.taken}",
        meaning=job.method.meaning,
    )
    print(f"{path}: {len(cards)} pictures, {args.method}{looks_at}")
    return sum(card.image is None for card in cards)
