"""Write a prepared folder whole or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .dataset import IMAGES, INDEX, MANIFEST, read_manifest

FILES = (IMAGES, INDEX, MANIFEST)


@contextmanager
def staging(out: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give an empty hidden folder beside `out` that takes its place when the block ends well.

    When the block raises, the hidden folder is removed and `out` stays as it was. An older
    dataset at `out` is removed only after the new one stands in its place.

    Raises:
        FileExistsError: `out` holds a prepared dataset and `overwrite` is False, or it holds
            anything else.
    """
    out = Path(out).resolve()
    _check_target(out, overwrite)
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = _sibling(out, "partial")
    folder.mkdir()
    try:
        yield folder
        _sync(folder)
        _check_target(out, overwrite)  # someone may have written there meanwhile
        _swap(folder, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_target(out: Path, overwrite: bool) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not _is_prepared(out):
        raise FileExistsError(
            f"{out} exists and holds other things than a prepared dataset's {', '.join(FILES)}: "
            "give another --out, or move away what is there"
        )
    if not overwrite:
        raise FileExistsError(
            f"{out} already holds a prepared dataset: give --overwrite to replace it, "
            "or another --out"
        )


def _is_prepared(out: Path) -> bool:
    """Whether the folder holds a prepared dataset and nothing that is not ours to delete."""
    if not out.is_dir() or {item.name for item in out.iterdir()} != set(FILES):
        return False
    try:
        read_manifest(out)
    except ValueError:  # a damaged or older dataset may be replaced
        return "schema_version" in (out / MANIFEST).read_text(encoding="utf-8", errors="replace")
    return True


def _sibling(out: Path, role: str) -> Path:
    return out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}.{role}")


def _swap(folder: Path, out: Path) -> None:
    if not out.exists():
        os.rename(folder, out)
    else:
        old = _sibling(out, "old")
        os.rename(out, old)
        try:
            os.rename(folder, out)
        except BaseException:
            os.rename(old, out)
            raise
        shutil.rmtree(old, ignore_errors=True)
    _sync_directory(out.parent)


def _sync(folder: Path) -> None:
    """Have everything on disk before the name appears, so that a power cut leaves no husk."""
    for path in folder.iterdir():
        with open(path, "rb+") as stream:
            os.fsync(stream.fileno())
    _sync_directory(folder)


def _sync_directory(folder: Path) -> None:
    if os.name != "posix":  # directories cannot be opened elsewhere
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
