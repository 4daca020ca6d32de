"""Runs one network over the pictures, with its gates and with their means."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from rich.console import Console

from attention_fer.common.checks import one_of, positive_int
from attention_fer.common.class_names import position
from attention_fer.common.progress import progress
from attention_fer.explain.command import model_file
from attention_fer.explain.command.model_input import ModelInput, infer_input
from attention_fer.explain.command.pictures import Picture, read_picture, spread
from attention_fer.explain.command.pixel_scale import PIXELS
from attention_fer.explain.command.preparation import as_recorded
from benchmarks.gates.comparison import Study, changed_answers, changes, predicted
from benchmarks.gates.measure import measure
from preprocessing.raw_files.files import UnreadableError


def study(path: str, options: argparse.Namespace, console: Console) -> Study:
    """Load a network and the pictures, measure the gates and replace them.

    Args:
        path: path of the model, see `model_file.find_model`.
        options: the command line, see `benchmarks.gates.__main__`.
        console: shows notes and progress.

    Raises:
        ValueError, OSError, ImportError: no model, no picture, or no attention module.
    """

    def note(text: str) -> None:
        console.print(f"note: {text}", markup=False, soft_wrap=True)

    file = model_file.find_model(path)
    recorded, _ = model_file.read_metadata(file)
    loaded = model_file.load_model(file)
    model = model_file.without_mirror_images(loaded)
    if model is not loaded:
        note("the model averages over each picture and its mirror image; only the former is used")
    faces = None if options.whole else recorded.get("faces")
    found, how = as_recorded(options.images, faces, note)
    size = None if options.size is None else positive_int("--size", options.size)
    pixels = options.pixels and one_of("--pixels", options.pixels, PIXELS)
    taken = infer_input(model, size=size, pixels=pixels, recorded=recorded.get("input"))
    console.print(f"{file}: {len(found):,} pictures, {how} {taken}", markup=False, soft_wrap=True)
    batch_size = positive_int("--batch-size", options.batch_size)
    with progress(console, "steps") as track:
        chosen = spread(found, options.limit)
        pictures, images = _read(chosen, taken, note, track)
        steps = -(-len(images) // batch_size)

        def batched(batches: Iterable[Any]) -> Iterable[Any]:
            return track(batches, "gates", steps, 0)

        gates = measure(model, images, batch_size, batched)
        intact = predicted(model, images, batch_size)
        todo = changes(gates)
        changed = {
            change: changed_answers(model, images, gates, change, batch_size)
            for change in track(todo, "replaced", len(todo), 0)
        }
    given = options.classes and model_file.class_names(options.classes)
    names = given or recorded.get("classes") or []
    classes = [position(picture.folder, names) if names else None for picture in pictures]
    return Study(
        gates,
        intact,
        changed,
        [picture.name for picture in pictures],
        np.array([-1 if index is None else index for index in classes]),
        np.array([picture.subject for picture in pictures], object),
        len(chosen) - len(pictures),
    )


def _read(
    chosen: list[Picture], taken: ModelInput, note: Callable[[str], None], track: Any
) -> tuple[list[Picture], np.ndarray]:
    """The pictures that can be read, and their pixels as the model takes them."""
    pictures, images = [], []
    for picture in track(chosen, "reading", len(chosen), 0):
        try:
            images.append(read_picture(picture, taken.size, taken.channels))
            pictures.append(picture)
        except UnreadableError as error:
            note(f"{picture.name} could not be read: {error.reason}: {error}")
    if not images:
        raise ValueError("none of the files could be read as a picture")
    return pictures, taken.batch(np.stack(images))
