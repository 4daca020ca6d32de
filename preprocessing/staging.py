"""Make a prepared folder whole or not at all, and go on with one that was interrupted."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from .dataset import FILES, IMAGES, MANIFEST, SHEETS, read_manifest
from .index import INDEX
from .writer import PROGRESS

NEEDED = {MANIFEST, IMAGES, INDEX}
OURS = {*FILES, SHEETS}


@contextmanager
def staging(out: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a hidden folder beside `out` that takes its place when the block ends well.

    When the block raises, `out` stays as it was; the hidden folder stays too if a `Writer` recorded
    its progress there, and the next call gives it again. One process at a time has it. An older
    dataset at `out` is removed only after the new one stands in its place.

    Raises:
        FileExistsError: `out` holds a prepared dataset and `overwrite` is False, or it holds
            anything else.
        BlockingIOError: another process is preparing `out`.
    """
    out = Path(out).resolve()
    _check_target(out, overwrite)
    workplace = out.with_name(f".{out.name}.partial")
    workplace.mkdir(parents=True, exist_ok=True)
    with _alone(workplace, out):
        folder = workplace / "dataset"
        folder.mkdir(exist_ok=True)
        try:
            yield folder
            _sync(folder)
            _check_target(out, overwrite)  # someone may have written there meanwhile
            _swap(folder, out)
            (workplace / PROGRESS).unlink(missing_ok=True)
        finally:
            if not (workplace / PROGRESS).exists():
                shutil.rmtree(workplace, ignore_errors=True)


@contextmanager
def _alone(workplace: Path, out: Path) -> Iterator[None]:
    try:
        with FileLock(workplace / "lock", timeout=0):
            yield
    except Timeout:
        raise BlockingIOError(
            f"another process is preparing {out}: wait for it, or give another --out"
        ) from None


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
    if not out.is_dir():
        return False
    held = {item.name for item in out.iterdir()}
    if not NEEDED <= held <= OURS:
        return False
    try:
        read_manifest(out)
    except (ValueError, FileNotFoundError):  # a damaged or older dataset may be replaced
        return "schema_version" in (out / MANIFEST).read_text(encoding="utf-8", errors="replace")
    return True


def _swap(folder: Path, out: Path) -> None:
    if not out.exists():
        os.rename(folder, out)
    else:
        old = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}.old")
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
    for path in folder.rglob("*"):
        if path.is_file():
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
