"""Where to look for a dataset at a path: the directory or zip itself, and zips inside it."""

from __future__ import annotations

from pathlib import Path

from preprocessing.raw_files.archive import ZipFiles
from preprocessing.raw_files.directory import DirectoryFiles
from preprocessing.raw_files.files import Files


def container(path: str | Path, expected: str) -> Files:
    """The files at a path: a directory, a .zip, or a single file of another kind.

    Args:
        path: where to look.
        expected: what to give, in words, for the error message.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: a .zip that is none, or something that is neither file nor directory.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no file or directory at {path}: give {expected}")
    if path.is_dir():
        return DirectoryFiles(path)
    if not path.is_file():  # opening a named pipe would wait for ever
        raise ValueError(f"{path} is neither a file nor a directory: give {expected}")
    if path.suffix.lower() == ".zip":
        return ZipFiles(path)
    return DirectoryFiles(path.parent, [path.name])


def containers(path: str | Path, expected: str) -> list[Files]:
    """The files at a path and, if it is a directory, those of each zip lying directly in it.

    Args and errors as for `container`.
    """
    path = Path(path)
    first = container(path, expected)
    if not path.is_dir():
        return [first]
    beside = (name for name in first.names() if "/" not in name)
    return [first, *(ZipFiles(path / name) for name in beside if name.lower().endswith(".zip"))]


def listing(found: list[Files], most: int = 8) -> str:
    """The first few names found, for an error message."""
    names = [files.source(name) for files in found for name in files.names()]
    shown = ", ".join(names[:most]) or "nothing"
    return f"{shown}, ... ({len(names):,} files)" if len(names) > most else shown
