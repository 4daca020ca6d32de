"""Opens a path as named files: a directory, a zip, the zips in a directory, or a single file."""

from __future__ import annotations

from pathlib import Path

from preprocessing.raw_files.archive import ZipFiles
from preprocessing.raw_files.directory import DirectoryFiles
from preprocessing.raw_files.files import Files


def container(path: str | Path, expected: str) -> Files:
    """Opens a directory, a .zip, or a single file of another kind.

    Args:
        path: where to look.
        expected: what the path should hold, for the error message.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: a damaged .zip, or something that is neither file nor directory.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"No file or directory at {path}. Give {expected}.")
    if path.is_dir():
        return DirectoryFiles(path)
    if not path.is_file():  # opening a named pipe would block forever
        raise ValueError(f"{path} is neither a file nor a directory. Give {expected}.")
    if path.suffix.lower() == ".zip":
        return ZipFiles(path)
    return DirectoryFiles(path.parent, [path.name])


def containers(path: str | Path, expected: str) -> list[Files]:
    """Opens `path` and, if it is a directory, each zip directly inside it.

    Args and errors as for `container`.
    """
    path = Path(path)
    first = container(path, expected)
    if not path.is_dir():
        return [first]
    beside = (name for name in first.names() if "/" not in name)
    return [first, *(ZipFiles(path / name) for name in beside if name.lower().endswith(".zip"))]


def listing(found: list[Files], most: int = 8) -> str:
    """The first few names, for an error message."""
    names = [files.source(name) for files in found for name in files.names()]
    shown = ", ".join(names[:most]) or "nothing"
    return f"{shown}, ... ({len(names):,} files)" if len(names) > most else shown
