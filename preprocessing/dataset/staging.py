"""Make a prepared folder whole or not at all, and resume one that was interrupted."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from preprocessing.dataset.index import COLUMNS, INDEX
from preprocessing.dataset.manifest import FILES, MANIFEST, SHEETS
from preprocessing.dataset.writer import PROGRESS

OURS = {*FILES, SHEETS}


@contextmanager
def staging(out: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yields a hidden sibling folder that replaces `out` on success.

    If the block raises, `out` stays as it was; the hidden folder stays too if a `DatasetWriter`
    recorded its progress there, and the next call yields it again. Only one process at a time gets
    it. An older dataset at `out` is removed only after the new one has taken its place.

    Raises:
        FileExistsError: `out` holds a prepared dataset and `overwrite` is False, or it holds
            anything else.
        BlockingIOError: another process is preparing `out`.
    """
    out = Path(out).resolve()
    check_target(out, overwrite)
    workplace = out.with_name(f".{out.name}.partial")
    workplace.mkdir(parents=True, exist_ok=True)
    with _alone(workplace, out):
        _restore(out)
        folder = workplace / "dataset"
        folder.mkdir(exist_ok=True)
        try:
            yield folder
            _sync(folder)
            check_target(out, overwrite)  # something may have been written there meanwhile
            _swap(folder, out)
            (workplace / PROGRESS).unlink(missing_ok=True)
        finally:
            if not (workplace / PROGRESS).exists():
                _remove(workplace)


@contextmanager
def _alone(workplace: Path, out: Path) -> Iterator[None]:
    try:
        with FileLock(workplace / "lock", timeout=0):
            yield
    except Timeout:
        raise BlockingIOError(
            f"Another process is preparing {out}. Wait for it, or give another --out."
        ) from None


def check_target(out: Path, overwrite: bool) -> None:
    """Raises FileExistsError as `staging` if `out` holds something that must not be replaced."""
    if not out.exists() or (out.is_dir() and not _held(out)):
        return
    if foreign := _foreign(out):
        raise FileExistsError(
            f"{out} exists and is not a prepared dataset, which holds only {', '.join(FILES)}: "
            f"{foreign}. Give another --out, or move its content."
        )
    if not overwrite:
        raise FileExistsError(
            f"{out} already holds a prepared dataset. Give --overwrite to replace it, "
            "or another --out."
        )


def _foreign(out: Path) -> str:
    """What at `out` must not be deleted, in words; "" for a prepared dataset, even if damaged."""
    if not out.is_dir():
        return "it is a file"
    held = _held(out)
    names = {path.name for path in held if path.name == SHEETS or path.is_file()}
    strange = sorted({path.name for path in held} - (names & OURS))
    if (out / SHEETS).exists() and not strange:
        strange = [
            f"{SHEETS}/{path.name}" for path in (out / SHEETS).glob("*") if not _is_sheet(path)
        ]
    if strange:
        return ", ".join(strange[:5])
    # Other programs use these file names too; only our manifest or index proves a dataset.
    return "" if _has_our_marks(out) else ", ".join(sorted(names))


def _held(out: Path) -> list[Path]:
    """The folder's entries, without those a file manager leaves."""
    return [path for path in out.iterdir() if path.name != ".DS_Store"]


def _is_sheet(path: Path) -> bool:
    return path.suffix == ".png" and (path.stem == "dropped" or path.name[:2].isdigit())


def _has_our_marks(out: Path) -> bool:
    marks = {MANIFEST: ("schema_version", "fingerprint"), INDEX: (",".join(COLUMNS),)}
    there = {out / name: words for name, words in marks.items() if (out / name).is_file()}
    texts = {path: path.read_text(encoding="utf-8", errors="replace") for path in there}
    return any(all(word in texts[path] for word in words) for path, words in there.items())


def _swap(folder: Path, out: Path) -> None:
    if not out.exists():
        os.rename(folder, out)
    else:
        old = _old(out)
        os.rename(out, old)
        try:
            os.rename(folder, out)
        except BaseException:
            os.rename(old, out)
            raise
        shutil.rmtree(old, ignore_errors=True)
    _sync_directory(out.parent)


def _old(out: Path) -> Path:
    return out.with_name(f".{out.name}.old")


def _restore(out: Path) -> None:
    """Undoes or finishes a swap that was killed: the old dataset stays until the new is there."""
    old = _old(out)
    if old.exists() and not out.exists():
        os.rename(old, out)
    elif old.exists():
        shutil.rmtree(old, ignore_errors=True)


def _remove(workplace: Path) -> None:
    """Removes the workplace under another name, so that a new process cannot lock it meanwhile."""
    gone = workplace.with_name(f"{workplace.name}.{uuid.uuid4().hex[:8]}.gone")
    try:
        os.rename(workplace, gone)
    except OSError:  # some systems cannot rename a folder with open files
        gone = workplace
    shutil.rmtree(gone, ignore_errors=True)


def _sync(folder: Path) -> None:
    """Forces all files to disk before the name appears, so a power cut leaves no broken folder."""
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
