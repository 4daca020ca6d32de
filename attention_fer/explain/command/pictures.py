"""The pictures of a folder, zip or prepared dataset, resized as `preprocessing` does."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from attention_fer.common.checks import positive_int

try:
    from preprocessing.dataset.folder import Dataset
    from preprocessing.dataset.manifest import MANIFEST
    from preprocessing.faces.crops import fit
    from preprocessing.raw_files.containers import container
    from preprocessing.raw_files.images import is_photograph, load_photograph
except ModuleNotFoundError as error:
    raise ImportError(
        f"Reading pictures needs {error.name}, which is not installed: "
        'pip install "attention-fer[preprocessing]".'
    ) from error

_EXPECTED = "a folder or .zip of pictures, or of a subfolder for each class"


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
    """Finds the pictures below a folder or in a zip, sorted by path; or a single picture.

    A file counts as a picture if its name ends as a photograph's does. Hidden files are ignored;
    `note` receives a sentence about all others that are left out.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: no picture there, or a damaged zip.
    """
    path = Path(path)
    files = container(path, _EXPECTED)
    names = files.names()
    single = path.is_file() and path.suffix.lower() != ".zip"
    chosen = names if single else list(filter(is_photograph, names))
    if not chosen:
        raise ValueError(f"No picture in {str(path)!r}. Give {_EXPECTED}.")
    others = sorted({*names} - {*chosen}) + [item.source for item in files.problems()]
    if others:
        shown = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
        files_are = "1 file is" if len(others) == 1 else f"{len(others)} files are"
        note(f"{files_are} left out, not a picture: {shown}")
    return [
        Picture(
            name,
            name.partition("/")[0] if "/" in name else "",
            partial(load_photograph, files, name),
        )
        for name in chosen
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
