"""What a node of a cluster does: find the dataset, run the cell's process, pack its folder."""

from __future__ import annotations

import getpass
import os
import shutil
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from benchmarks.plan.job import Job
from benchmarks.run import locks
from benchmarks.run.executors.base import Notify
from benchmarks.run.executors.process import Process, environment
from benchmarks.run.executors.shipping import pack, unpack
from preprocessing.dataset.folder import Dataset
from preprocessing.dataset.manifest import read_manifest


def work(
    job: Job,
    threads: int,
    sent: Mapping[Path, bytes],
    archive: Callable[[], bytes] | None,
    notify: Notify,
) -> tuple[dict[str, Any], bytes] | None:
    """Runs a cell here.

    Args:
        job: the work, with the paths of the machine that asks.
        threads: cores that the cell may use.
        sent: content of the files that the job names besides its dataset.
        archive: returns its dataset, packed; None if it was not sent.
        notify: receives the events.

    Returns:
        The record and the packed working folder; None if the dataset is not here and was not sent.

    Raises:
        ValueError: the dataset that was sent is not the one of the cell.
    """
    dataset = find_dataset(job.dataset, job.cell.target.fingerprint, archive)
    if dataset is None:
        return None
    with _workplace() as place:
        here = replace(
            job,
            dataset=dataset,
            folder=place / "cell",
            imports=tuple(place / path.name for path in job.imports),
            teacher=job.teacher and place / "teacher",
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
    """The folder of a dataset on this machine; None where it is not here and was not sent.

    It is `shared` if a dataset with that fingerprint lies there, as on a shared file system. Else
    it is unpacked once into a folder of this machine's temporary files, and its images are hashed
    again before each use.

    Raises:
        ValueError: what was sent has another fingerprint.
    """
    if _recorded(shared) == fingerprint:
        return shared
    folder = cache() / "datasets" / fingerprint
    folder.parent.mkdir(exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if _intact(folder, fingerprint):
            return folder
        if archive is None:
            return None
        shutil.rmtree(folder, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as partial:
            unpack(archive(), Path(partial) / "dataset")
            os.rename(Path(partial) / "dataset", folder)
        if not _intact(folder, fingerprint):
            raise ValueError(
                f"The dataset that was sent does not hash to {fingerprint[:12]}: prepare it again."
            )
    return folder


def cache() -> Path:
    """This user's folder below the machine's temporary files, closed to others.

    Raises:
        PermissionError: it belongs to somebody else.
    """
    user = os.getuid() if hasattr(os, "getuid") else None  # a user need not have a name
    folder = (
        Path(tempfile.gettempdir()) / f"attention-fer-{getpass.getuser() if user is None else user}"
    )
    folder.mkdir(mode=0o700, exist_ok=True)
    if user is not None and (folder.is_symlink() or folder.stat().st_uid != user):
        raise PermissionError(f"{folder} belongs to somebody else: remove it, or set TMPDIR.")
    return folder


def _recorded(folder: Path) -> str | None:
    try:
        return read_manifest(folder)["fingerprint"]
    except (OSError, ValueError):
        return None


def _intact(folder: Path, fingerprint: str) -> bool:
    if _recorded(folder) != fingerprint:
        return False
    try:
        Dataset.open(folder).verify()
        return True
    except (OSError, ValueError):
        return False


@contextmanager
def _workplace() -> Iterator[Path]:
    """A folder for one cell; those whose process was killed before it could clear up go first."""
    root = cache() / "cells"
    root.mkdir(exist_ok=True)
    for lock in root.glob("*.lock"):
        with locks.claim(lock) as free:
            if free:
                shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
                locks.forget(lock)
    place = root / uuid.uuid4().hex
    lock = place.with_suffix(".lock")
    with FileLock(lock):
        place.mkdir()
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)
            locks.forget(lock)


def _run(process: Process, job: Job, notify: Notify) -> dict[str, Any]:
    """Runs a cell's process; a KeyboardInterrupt, as Ray cancels a task, ends it."""
    found: list[dict[str, Any]] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            found.append(process.run(job, notify))
        except BaseException as error:
            errors.append(error)

    # In a thread, because Ray's interrupt does not wake one that waits for output.
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
