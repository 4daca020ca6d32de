"""Runs a cell on a node of a cluster, and packs folders into bytes for their way there and back."""

from __future__ import annotations

import getpass
import io
import os
import shutil
import tempfile
import threading
import uuid
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from filelock import FileLock

from benchmarks.plan.job import Job
from benchmarks.run import locks
from benchmarks.run.executors import EventHandler
from benchmarks.run.executors.process import Process, environment
from preprocessing.dataset.folder import Dataset
from preprocessing.dataset.manifest import read_manifest


def work(
    job: Job,
    threads: int,
    sent: Mapping[Path, bytes],
    archive: Callable[[], bytes] | None,
    notify: EventHandler,
) -> tuple[dict[str, Any], bytes] | None:
    """Run a cell on this machine.

    Args:
        job: the job, with the paths of the machine that sent it.
        threads: number of cores that the cell may use.
        sent: contents of the files that the job names, except its dataset.
        archive: returns the packed dataset; None if it was not sent.
        notify: receives the events of the cell's process.

    Returns:
        The record and the packed working folder; None if the dataset is not on this machine and was
        not sent.

    Raises:
        ValueError: the dataset that was sent is not that of the cell.
    """
    dataset = find_dataset(job.dataset, job.cell.target.fingerprint, archive)
    if dataset is None:
        return None
    with _working_folder() as place:
        here = replace(
            job,
            dataset=dataset,
            folder=place / "cell",
            imports=tuple(place / path.name for path in job.imports),
            teacher=job.teacher and place / "teacher",
            plain=None,  # trained, since the results are not here
            checkpoint=None,  # its folder goes when the cell ends, however it ends
            tensorboard=None,  # in the folder that is sent back
        )
        here.folder.mkdir()
        for path, content in sent.items():
            target = place / (path.name if path in job.imports else f"teacher/{path.name}")
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(content)
        process = Process(environment(job.cell.backend, threads, job.execution))
        record = _run(process, here, notify)
        return record, pack(here.folder)


def find_dataset(
    shared: Path, fingerprint: str, archive: Callable[[], bytes] | None
) -> Path | None:
    """Return the folder of a dataset on this machine; None if it was not found and not sent.

    This is `shared` if it holds a dataset with that fingerprint, as on a shared file system. If
    not, the dataset is unpacked once into a temporary folder of this machine, and its images are
    hashed again before each use.

    Raises:
        ValueError: the dataset that was sent has another fingerprint.
    """
    if _stored_fingerprint(shared) == fingerprint:
        return shared
    folder = cache() / "datasets" / fingerprint
    folder.parent.mkdir(exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if _is_intact(folder, fingerprint):
            return folder
        if archive is None:
            return None
        shutil.rmtree(folder, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as partial:
            unpack(archive(), Path(partial) / "dataset")
            os.rename(Path(partial) / "dataset", folder)
        if not _is_intact(folder, fingerprint):
            raise ValueError(
                f"The hash of the dataset that was sent must be {fingerprint[:12]}, got another. "
                "Prepare the dataset again."
            )
    return folder


def cache() -> Path:
    """Return this user's private folder among the machine's temporary files.

    Raises:
        PermissionError: the folder belongs to another user.
    """
    user = os.getuid() if hasattr(os, "getuid") else None  # a user may have no name
    folder = (
        Path(tempfile.gettempdir()) / f"attention-fer-{getpass.getuser() if user is None else user}"
    )
    folder.mkdir(mode=0o700, exist_ok=True)
    if user is not None and (folder.is_symlink() or folder.stat().st_uid != user):
        raise PermissionError(f"{folder} belongs to another user. Remove it, or set TMPDIR.")
    return folder


def _stored_fingerprint(folder: Path) -> str | None:
    try:
        return read_manifest(folder)["fingerprint"]
    except (OSError, ValueError):
        return None


def _is_intact(folder: Path, fingerprint: str) -> bool:
    if _stored_fingerprint(folder) != fingerprint:
        return False
    try:
        Dataset.open(folder).verify()
        return True
    except (OSError, ValueError):
        return False


@contextmanager
def _working_folder() -> Iterator[Path]:
    """Yield a folder for one cell; first remove those that killed processes have left."""
    root = cache() / "cells"
    root.mkdir(exist_ok=True)
    for lock in root.glob("*.lock"):
        with locks.claim(lock) as free:
            if free:
                shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
                locks.remove(lock)
    place = root / uuid.uuid4().hex
    lock = place.with_suffix(".lock")
    with FileLock(lock):
        place.mkdir()
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)
            locks.remove(lock)


def _run(process: Process, job: Job, notify: EventHandler) -> dict[str, Any]:
    """Run a cell's process; kill it on KeyboardInterrupt, which Ray raises to cancel a task."""
    found: list[dict[str, Any]] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            found.append(process.run(job, notify))
        except BaseException as error:
            errors.append(error)

    # In a thread, since Ray's interrupt does not wake a thread that waits for output.
    thread = threading.Thread(target=run, daemon=True)
    try:
        thread.start()
        while thread.is_alive():
            thread.join(0.2)
    except BaseException:
        process.kill()
        thread.join(10)
        raise
    if errors:
        raise errors[0]
    return found[0]


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
