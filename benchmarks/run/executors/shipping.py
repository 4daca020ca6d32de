"""Packs folders into bytes for another machine, and unpacks them there safely."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath


def pack(folder: Path, names: Iterable[str] | None = None) -> bytes:
    """Return the files of a folder, or only those in `names`, as a zip archive without links."""
    paths = [folder / name for name in names] if names is not None else sorted(folder.rglob("*"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in paths:
            if path.is_file() and not path.is_symlink():
                archive.write(path, path.relative_to(folder).as_posix())
    return buffer.getvalue()


def unpack(content: bytes, folder: Path) -> None:
    """Write the files of an archive below a folder; they are on disk when it returns.

    Raises:
        ValueError: `content` is not an archive or is damaged, or an entry is a link or lies outside
            the folder. If an entry's name or kind is the reason, nothing is written.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            for entry in entries:
                _check_entry(entry)
            for entry in entries:
                _write(folder / entry.filename, archive.read(entry))
    except zipfile.BadZipFile as error:
        raise ValueError(f"content must be a complete zip archive, got: {error}.") from error


def _check_entry(entry: zipfile.ZipInfo) -> None:
    # Both kinds of path, since a plain name on one system may name a drive on the other.
    kinds = (PurePosixPath(entry.filename), PureWindowsPath(entry.filename))
    outside = any(path.is_absolute() or path.anchor or ".." in path.parts for path in kinds)
    link = (entry.external_attr >> 16) & 0o170000 not in (0, 0o100000)
    if outside or link or not entry.filename.strip("./\\"):
        raise ValueError(
            f"Archive entries must be files below the archive's folder, got {entry.filename!r}."
        )


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
