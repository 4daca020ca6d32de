"""Photographs to expressions: our `Predictor` compared with other products.

Each product runs in its own process and does everything from files to probabilities: decode, find
the faces, crop them, classify. All get the same photographs, then the frames of the same video, in
turns of 100. The first turn is not timed. What is measured:

- seconds from the start of a process to its first answer, each time a new process;
- photographs, frames and faces per second;
- memory after the first 100 and at the end.

If a product cannot run, the command names it with the reason.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.faces.common import machine
from benchmarks.speed.cropping import photographs
from benchmarks.speed.products import tables
from benchmarks.speed.products.material import RATE, write_scenes, write_video
from benchmarks.speed.products.process import answering
from benchmarks.speed.products.turns import OURS, TURN, Start, first_answers, in_turns, working
from benchmarks.speed.products.worker import PRODUCTS

LEAST_TURNS = 3


def add_arguments(add: Callable[..., Any]) -> None:
    """Adds the arguments of this measurement."""
    add("--pictures", type=Path, metavar="FOLDER", help="photographs (default: generated ones)")
    add("--dataset", metavar="DIR", help="prepared FER2013, from which photographs are generated")
    add("--made", type=int, default=100, metavar="N", help="photographs to generate (default: 100)")
    add("--seed", type=int, default=0, metavar="N", help="random seed (default: 0)")
    add("--detector", default="yunet", metavar="NAME[=FILE]", help="ours (default: yunet)")
    add(
        "--other",
        nargs="+",
        default=[],
        metavar="NAME=PYTHON",
        help=f"a product and a Python in which it is installed: {', '.join(PRODUCTS)}",
    )
    add(
        "--predictions",
        type=int,
        default=5000,
        metavar="N",
        help="predictions of each product (default: 5000)",
    )
    add("--minutes", type=float, default=1.0, metavar="M", help="length of the video (default: 1)")
    add("--starts", type=int, default=5, metavar="N", help="processes started (default: 5)")


def run(options: argparse.Namespace, console: Console) -> None:
    """Measures and prints.

    Raises:
        ValueError: an argument is out of range, or our own `Predictor` cannot run.
        OSError: no such photographs, dataset or weights.
    """
    pythons = products(options.other)
    turns = {"pictures": options.predictions // TURN, "video": frames(options.minutes) // TURN}
    for name, given in (("predictions", turns["pictures"]), ("minutes", turns["video"])):
        if given < LEAST_TURNS:
            raise ValueError(
                f"{name} must be enough for {LEAST_TURNS} turns of {TURN} photographs or frames, "
                f"got {getattr(options, name)}."
            )
    console.print(machine())
    with tempfile.TemporaryDirectory() as folder:
        material, shown = prepare(options, turns["video"] * TURN, Path(folder))
        console.print(f"{shown} photographs, and a video of {turns['video'] * TURN:,} frames")
        starts: dict[str, Start] = {
            name: partial(answering, product, python, material)
            for name, (product, python) in pythons.items()
        }
        starts = dict(working(starts, console))
        tables.show_starts(first_answers(starts, options.starts), console)
        with ExitStack() as stack:
            running = {name: stack.enter_context(start()) for name, start in starts.items()}
            for kind, title in (("pictures", "Photographs"), ("video", "Frames of the video")):
                answers = in_turns(running, kind, turns[kind])
                tables.show_speed(answers, title, console)
                tables.show_memory(answers, title, console)


def products(others: Sequence[str]) -> dict[str, tuple[str, str | None]]:
    """Returns the product and the Python of ours and of each `NAME=PYTHON`, by name.

    Raises:
        ValueError: an unknown product, a repeated one, or one without a Python.
    """
    result: dict[str, tuple[str, str | None]] = {OURS: ("attention_fer", None)}
    for given in others:
        name, _, python = given.partition("=")
        if name not in PRODUCTS or not python or name in result:
            raise ValueError(
                f"other must be NAME=PYTHON with each NAME once, of {', '.join(PRODUCTS)}, "
                f"got {given!r}."
            )
        result[name] = (name, python)
    return result


def frames(minutes: float) -> int:
    """Returns the number of frames in a video of this length."""
    return round(minutes * 60 * RATE)


def prepare(options: argparse.Namespace, frames: int, folder: Path) -> tuple[Path, int]:
    """Finds or makes photographs, and makes the video.

    Returns:
        The JSON file for the workers, and the number of photographs.

    Raises:
        ValueError, OSError: see `write_scenes`, `write_video`; both or none of the sources.
    """
    if (options.pictures is None) == (options.dataset is None):
        raise ValueError("Give either --pictures or --dataset.")
    if options.pictures is not None:
        paths = photographs(options.pictures, 1)
    else:
        paths = write_scenes(options.dataset, options.made, options.seed, folder)
    video, material = folder / "video.avi", folder / "material.json"
    write_video(paths, frames, video)
    detector, _, weights = options.detector.partition("=")
    settings = {
        "pictures": [str(path.resolve()) for path in paths],
        "video": str(video),
        "detector": detector,
        "weights": weights or None,
    }
    material.write_text(json.dumps(settings), encoding="utf-8")
    return material, len(paths)
