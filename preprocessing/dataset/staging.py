"""Make a prepared folder whole or not at all, and go on with one that was interrupted."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from preprocessing.dataset.folder import FILES, MANIFEST, SHEETS
from preprocessing.dataset.index import COLUMNS, INDEX
from preprocessing.dataset.writer import PROGRESS

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
            check_target(out, overwrite)  # someone may have written there meanwhile
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
            f"another process is preparing {out}: wait for it, or give another --out"
        ) from None


def check_target(out: Path, overwrite: bool) -> None:
    """Raise FileExistsError as `staging` if something lies at `out` that must stay."""
    if not out.exists() or (out.is_dir() and not _held(out)):
        return
    if foreign := _foreign(out):
        raise FileExistsError(
            f"{out} exists and holds other things than a prepared dataset's {', '.join(FILES)}: "
            f"{foreign}; give another --out, or move away what is there"
        )
    if not overwrite:
        raise FileExistsError(
            f"{out} already holds a prepared dataset: give --overwrite to replace it, "
            "or another --out"
        )


def _foreign(out: Path) -> str:
    """What at `out` is not ours to delete, in words; "" if all is, however damaged."""
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
    # Files of these names may be anybody's; a manifest or an index like ours tells.
    return "" if _has_our_marks(out) else ", ".join(sorted(names))


def _held(out: Path) -> list[Path]:
    """What lies in a folder, but for what a file manager leaves there."""
    return [path for path in out.iterdir() if path.name != ".DS_Store"]


def _is_sheet(path: Path) -> bool:
    return path.suffix == ".png" and (path.stem == "dropped" or path.name[:2].isdigit())


def _has_our_marks(out: Path) -> bool:
    marks = {MANIFEST: ("schema_version", "fingerprint"), INDEX: (",".join(COLUMNS),)}
    for name, words in marks.items():
        path = out / name
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        if all(word in text for word in words):
            return True
    return False


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
    """Undo or finish a swap that was killed: the old dataset stays until the new one is there."""
    old = _old(out)
    if old.exists() and not out.exists():
        os.rename(old, out)
    elif old.exists():
        shutil.rmtree(old, ignore_errors=True)


def _remove(workplace: Path) -> None:
    """Remove it under another name, so that who comes now does not lock what is about to go."""
    gone = workplace.with_name(f"{workplace.name}.{uuid.uuid4().hex[:8]}.gone")
    try:
        os.rename(workplace, gone)
    except OSError:  # a system that does not rename what is open
        gone = workplace
    shutil.rmtree(gone, ignore_errors=True)


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
