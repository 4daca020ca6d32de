"""The pictures of a folder, archive or prepared dataset, resized as `preprocessing` does."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from attention_fer.common.checks import positive_int

try:
    from attention_fer.predict import pictures as photographs
    from preprocessing.dataset.folder import Dataset
    from preprocessing.dataset.manifest import MANIFEST
    from preprocessing.faces.crops import fit
    from preprocessing.raw_files.files import as_text
except ModuleNotFoundError as error:
    raise ImportError(
        f"Reading pictures needs {error.name}, which is not installed: "
        'pip install "attention-fer[preprocessing]".'
    ) from error


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture.

    Attributes:
        name: path within the folder, with forward slashes.
        folder: the first folder of that path, "" for a picture in no folder; or its class.
        load: decodes it to uint8, grey or RGB. Raises `UnreadableError`.
        subject: the person it shows, "" if unknown.
    """

    name: str
    folder: str
    load: Callable[[], np.ndarray]
    subject: str = ""


def is_prepared(path: str | os.PathLike[str]) -> bool:
    """Whether a folder is a prepared dataset."""
    return (Path(path) / MANIFEST).is_file()


def prepared_pictures(path: str | os.PathLike[str], note: Callable[[str], None]) -> list[Picture]:
    """The images of a prepared dataset, of its test part if it has one, with their classes.

    Raises:
        FileNotFoundError, ValueError: a damaged dataset, see `Dataset.open`.
    """
    data = Dataset.open(Path(path))
    rows = np.flatnonzero(data.splits == "test")
    part = "test part" if len(rows) else "all images"
    rows = rows if len(rows) else np.arange(len(data))
    note(f"{path} is a prepared dataset: {part}, {len(rows):,} of {len(data):,} images")
    names = data.sources
    return [
        Picture(
            names[row],
            data.classes[data.labels[row]],
            partial(_prepared_image, data, row),
            data.subjects[row],
        )
        for row in rows.tolist()
    ]


def _prepared_image(data: Dataset, row: int) -> np.ndarray:
    image = np.asarray(data.images[row])
    return image[..., 0] if image.shape[-1] == 1 else image


def find_pictures(path: str | os.PathLike[str], note: Callable[[str], None]) -> list[Picture]:
    """Finds the pictures below a folder or in an archive, as `predict` does; or a single picture.

    Hidden files are ignored; `note` receives a sentence about all others that are no pictures.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: no picture there, or a damaged archive.
    """
    given = os.fspath(path)
    found = photographs.find_pictures([given])
    if others := found.others:
        shown = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
        files_are = "1 file is" if len(others) == 1 else f"{len(others)} files are"
        note(f"{files_are} left out, not a picture: {shown}")
    if [one.name for one in found.pictures] == [as_text(given)]:  # a picture alone
        return [Picture(Path(given).name, "", found.pictures[0].load)]
    return [
        Picture(one.name, one.name.partition("/")[0] if "/" in one.name else "", one.load)
        for one in found.pictures
    ]


def spread(pictures: list[Picture], limit: int | None) -> list[Picture]:
    """Picks `limit` evenly spaced pictures; all of them if None or if there are fewer."""
    if limit is None or positive_int("--limit", limit) >= len(pictures):
        return pictures
    return [pictures[(2 * i + 1) * len(pictures) // (2 * limit)] for i in range(limit)]


def read_picture(picture: Picture, size: tuple[int, int], channels: int) -> np.ndarray:
    """Decodes a picture and resizes it as a whole, as the preparation of a dataset does.

    No face is looked for, and the aspect ratio may change.

    Returns:
        uint8 of shape `(*size, channels)`.

    Raises:
        UnreadableError: see `decode_photograph`.
    """
    pixels = picture.load()
    return fit(pixels, size, "grey" if channels == 1 else "rgb").reshape(*size, channels)
