"""The pictures of a folder or zip, decoded and resized as `preprocessing` does."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from attention_fer.common.checks import positive_int

try:
    from preprocessing.faces.crops import fit
    from preprocessing.raw_files.containers import container
    from preprocessing.raw_files.files import Files
    from preprocessing.raw_files.images import is_photograph, load_photograph
except ModuleNotFoundError as error:
    raise ImportError(
        f"Reading pictures needs {error.name}, which is not installed: "
        'pip install "attention-fer[preprocessing]".'
    ) from error

_EXPECTED = "a folder or .zip of pictures, or of a subfolder for each class"


@dataclass(frozen=True)
class Picture:
    """A picture file.

    Attributes:
        files: where it lies.
        name: path within `files`, with forward slashes.
        folder: the first folder of that path, "" for a picture in no folder.
    """

    files: Files
    name: str
    folder: str


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
    return [Picture(files, name, name.partition("/")[0] if "/" in name else "") for name in chosen]


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
    pixels = load_photograph(picture.files, picture.name)
    return fit(pixels, size, "grey" if channels == 1 else "rgb").reshape(*size, channels)
