"""Photographs on disk as named pictures: files, folders, archives; nothing is left out silently."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from attention_fer.predict.frames import Frame, reading
from preprocessing.raw_files.containers import container
from preprocessing.raw_files.directory import DirectoryFiles
from preprocessing.raw_files.files import Rejected, UnreadableError, as_text, joined
from preprocessing.raw_files.images import is_photograph, load_photograph

_EXPECTED = "a photograph, or a folder or archive of photographs"


@dataclass(frozen=True, eq=False)
class PictureFile:
    """A photograph that may be read later.

    Attributes:
        name: what the column `input` says.
        load: decodes it to upright uint8 pixels, grey or RGB. Raises `UnreadableError`.
        path: path of the file, within an archive as within a folder; "" if it is broken.
        broken: whether `load` is known to raise.
    """

    name: str
    load: Callable[[], np.ndarray]
    path: str = ""
    broken: bool = False

    def frame(self) -> Frame:
        """Reads the file; never raises because of its content."""
        return reading(self.name, self.load)


@dataclass(frozen=True)
class FoundPictures:
    """What lies at some paths.

    Attributes:
        pictures: photographs, and anything else that may hide one, in order.
        others: names of files that are no pictures.
        identity: a hash that changes with the files.
    """

    pictures: Sequence[PictureFile]
    others: Sequence[str]
    identity: str


def find_pictures(paths: Sequence[str]) -> FoundPictures:
    """Finds the photographs at some paths, those of a folder or archive sorted by their names.

    A single folder or archive gives names within it. Several paths, and files, keep the path as it
    was given. A file in a folder counts as a photograph if its name ends as one's does; a file that
    was given itself always does. A file found again under another name is a problem.

    Args:
        paths: files, folders, zips or tars; each counts once.

    Raises:
        FileNotFoundError: nothing at a path, or an address of the internet.
        ValueError: a damaged archive, an empty path, or no photograph at all.
    """
    pictures: list[PictureFile] = []
    others: list[str] = []
    identities: list[str] = []
    paths = list(dict.fromkeys(map(os.fspath, paths)))
    once = _Once()
    for path in paths:
        if not path:
            raise ValueError(f"A path must not be empty, got ''. Give {_EXPECTED}.")
        if "://" in path:
            raise FileNotFoundError(f"Nothing is downloaded: save {path} and give the file.")
        prefix = "" if len(paths) == 1 else f"{as_text(path).rstrip('/')}/"
        try:
            found = _found_at(path, prefix)
        except FileNotFoundError:
            raise
        except OSError as error:  # such as a file that may not be read
            item = Rejected(as_text(path), "unreadable file", error.strerror or "")
            found = FoundPictures([_problem(item.source, item)], [], "unreadable")
        pictures += found.pictures if len(paths) == 1 else map(once, found.pictures)
        others += found.others
        identities.append(found.identity)
    if not pictures:
        shown = ", ".join(map(repr, map(as_text, paths)))
        raise ValueError(f"No photograph in {shown}. Give {_EXPECTED}.")
    return FoundPictures(pictures, others, joined(identities))


def _found_at(path: str, prefix: str) -> FoundPictures:
    files = container(path, _EXPECTED)
    names = files.names()

    def told(source: str) -> str:
        """The name behind the prefix; an archive begins its sources with its own name."""
        return prefix + source.removeprefix(as_text(files.prefix))

    alone = names == [Path(path).name] and Path(path).is_file()
    chosen = names if alone else [name for name in names if is_photograph(name)]
    root = files.root if isinstance(files, DirectoryFiles) else path
    pictures = [
        PictureFile(
            as_text(path) if alone else told(files.source(name)),
            partial(load_photograph, files, name),
            os.path.join(root, name),
        )
        for name in chosen
    ]
    pictures += [_problem(told(item.source), item) for item in files.problems()]
    others = [told(files.source(name)) for name in sorted({*names} - {*chosen})]
    return FoundPictures(pictures, others, files.identity(chosen))


class _Once:
    """Turns each file that an earlier path already led to into a problem."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def __call__(self, picture: PictureFile) -> PictureFile:
        if not picture.path:
            return picture
        first = self._names.setdefault(os.path.realpath(picture.path), picture.name)
        if first is picture.name:
            return picture
        return _problem(picture.name, Rejected(picture.name, "file read already", f"as {first}"))


def _problem(name: str, item: Rejected) -> PictureFile:
    def load() -> np.ndarray:
        raise UnreadableError(item.reason, item.detail)

    return PictureFile(name, load, broken=True)
