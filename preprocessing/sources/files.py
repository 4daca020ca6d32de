"""The files of a raw dataset, alike whether they lie in a directory or inside a zip."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Protocol


class UnreadableError(Exception):
    """One file cannot be read; `reason` is its category, the message the detail."""

    def __init__(self, reason: str, detail: str):
        super().__init__(detail)
        self.reason = reason


class Files(Protocol):
    """Named files. Names are relative, with forward slashes; hidden files are left out."""

    prefix: str
    """Goes before a name to say where a sample came from."""

    def names(self) -> list[str]: ...

    def open(self, name: str) -> IO[bytes]: ...


class DirectoryFiles:
    """All files below a directory."""

    def __init__(self, root: Path):
        self.root = root
        self.prefix = ""

    def names(self) -> list[str]:
        paths = (Path(top, name) for top, _, found in os.walk(self.root) for name in found)
        relative = (path.relative_to(self.root).as_posix() for path in paths)
        return sorted(name for name in relative if not is_hidden(name))

    def open(self, name: str) -> IO[bytes]:
        return open(self.root / name, "rb")


class ZipFiles:
    """The members of a zip archive, read in place.

    Raises:
        ValueError: the file is not a whole zip archive.
    """

    def __init__(self, path: Path):
        self.prefix = f"{path.name}/"
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, EOFError) as error:
            raise ValueError(
                f"{path} is not a readable zip archive ({error}): download it again, "
                "or give the directory it was unpacked to"
            ) from error
        members = (info for info in self._zip.infolist() if not info.is_dir())
        self._members = {info.filename.replace("\\", "/"): info for info in members}

    def names(self) -> list[str]:
        return sorted(name for name in self._members if not is_hidden(name))

    def open(self, name: str) -> IO[bytes]:
        info = self._members[name]
        if info.flag_bits & 0x1:
            raise UnreadableError("encrypted zip member", "expected a zip without a password")
        return self._zip.open(info)


READ_ERRORS = (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)
"""What opening or reading a damaged, locked or unsupported file raises."""


def read_bytes(files: Files, name: str) -> bytes:
    """Content of one file. Raises `UnreadableError` whatever is wrong with it."""
    try:
        with files.open(name) as stream:
            return stream.read()
    except READ_ERRORS as error:
        raise UnreadableError("unreadable file", str(error)) from error


def read_lines(files: Files, name: str) -> Iterator[str]:
    """Lines of one text file as they come, undecodable bytes replaced. Raises `UnreadableError`."""
    try:
        with files.open(name) as stream:
            for number, line in enumerate(stream):
                # Some copies start with a byte-order mark; NUL would stop the csv module.
                encoding = "utf-8" if number else "utf-8-sig"
                yield line.decode(encoding, errors="replace").replace("\0", "\ufffd")
    except READ_ERRORS as error:
        raise UnreadableError("unreadable file", str(error)) from error


def is_hidden(name: str) -> bool:
    """Whether a path belongs to an operating system rather than to the dataset."""
    parts = PurePosixPath(name).parts
    return "__MACOSX" in parts or any(part.startswith(".") for part in parts)
