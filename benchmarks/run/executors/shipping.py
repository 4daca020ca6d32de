"""Folders as bytes, to send to another machine and to unpack there without surprises."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath


def pack(folder: Path, names: Iterable[str] | None = None) -> bytes:
    """The files of a folder, or those with the given names, as a zip archive; no links."""
    paths = [folder / name for name in names] if names is not None else sorted(folder.rglob("*"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in paths:
            if path.is_file() and not path.is_symlink():
                archive.write(path, path.relative_to(folder).as_posix())
    return buffer.getvalue()


def unpack(content: bytes, folder: Path) -> None:
    """Writes the files of an archive below a folder, and has them on disk when it returns.

    Raises:
        ValueError: it is no archive, it is damaged, or an entry is a link or would lie elsewhere;
            nothing is written if an entry's name or kind is the reason.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            for entry in entries:
                _check(entry)
            for entry in entries:
                _write(folder / entry.filename, archive.read(entry))
    except zipfile.BadZipFile as error:
        raise ValueError(f"What came back is no whole archive: {error}.") from error


def _check(entry: zipfile.ZipInfo) -> None:
    # Both kinds of path, because what is a plain name on one system is a drive on the other.
    kinds = (PurePosixPath(entry.filename), PureWindowsPath(entry.filename))
    outside = any(path.is_absolute() or path.anchor or ".." in path.parts for path in kinds)
    link = (entry.external_attr >> 16) & 0o170000 not in (0, 0o100000)
    if outside or link or not entry.filename.strip("./\\"):
        raise ValueError(f"An archive holds {entry.filename!r}, which is no file below its folder.")


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
