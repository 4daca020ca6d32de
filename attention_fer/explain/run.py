"""Explain a model's decisions on a folder of pictures.

``python -m attention_fer.explain MODEL.keras FOLDER --out gallery.png``

Subfolders named as the classes say what is true. The model is read in Keras's safe mode; the
pictures are resized as a whole, no face is looked for.
"""

from __future__ import annotations

import argparse
import importlib
import math
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from attention_fer.checks import positive_int

if TYPE_CHECKING:
    from attention_fer.explain.images import Picture
    from attention_fer.explain.inputs import Input
    from attention_fer.explain.methods import Method
    from attention_fer.explain.pages import Card
    from attention_fer.explain.scores import ClassScores

PER_PAGE = 48
_METHODS = ("grad-cam", "rollout", "gates")
_PIXELS = ("0-255", "0-1")


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
        help=f"default: gallery.png; from {PER_PAGE + 1} pictures on FILE-1-of-2.png and so on",
    )
    add("--method", choices=_METHODS, default="grad-cam", help="default: grad-cam")
    add("--layer", metavar="NAME", help="grad-cam: whose map; gates: one attention module")
    add("--output", metavar="NAME", help="grad-cam: name or index, of several outputs")
    add("--classes", nargs="+", metavar="NAME", help="names in order, or one file with them")
    add("--pixels", choices=_PIXELS, help="scale that the model takes (default: by rule, printed)")
    add("--size", type=int, metavar="N", help="sides of a picture, where the model takes any")
    add("--limit", type=int, metavar="N", help="that many pictures, evenly spaced over the folder")
    add("--import", dest="imports", action="append", default=[], metavar="MODULE", help=_IMPORT)
    return result


_IMPORT = "Python module that registers the model's own layers, such as benchmarks.published"


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


@dataclass(frozen=True)
class _Job:
    """What is the same for all pages."""

    args: argparse.Namespace
    scores: ClassScores
    taken: Input
    names: list[str]
    method: Method


def _explain(args: argparse.Namespace) -> int:
    from attention_fer.explain.images import pictures
    from attention_fer.explain.progress import track

    _check(args)
    found = pictures(args.images)
    shown = _spread(found, args.limit)
    job = _job(args)
    print(f"model: {args.model}, {len(job.names)} classes: {', '.join(job.names)}")
    print(f"pictures: {len(shown)} of {len(found)}; {job.taken}")
    _tell_folders(shown, job.names)
    pages = math.ceil(len(shown) / PER_PAGE)
    unread = 0
    for number, some in track(_pages(shown), "explaining", pages):
        cards, lost = _cards(job, some)
        unread += lost
        print(_draw(job, cards, number, pages))
    if unread:
        print(f"{unread} of {len(shown)} files could not be read", file=sys.stderr)
    if unread == len(shown):
        raise ValueError("none of the files could be read as a picture")
    return 1 if unread else 0
