"""Adds the results of a visit to those already stored."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.results.plan_file import FOLDER as PLANS
from benchmarks.results.predictions import PREDICTIONS
from benchmarks.results.saved_model import CARD, MODEL
from benchmarks.results.store import RESULT, Result, Store
from benchmarks.run import locks
from benchmarks.visit.outbox import PATTERN

CACHE, RUNS = "cache", "runs"
# Of a result; its TensorBoard logs stay where they were written.
FILES = (RESULT, PREDICTIONS, CARD, MODEL)


def collect(results: Path, runs: Path, bundle: Path | None = None) -> list[str]:
    """Store the results in a folder that came back from a visit.

    Finished results already stored stay as they are, but get their network if they have none.

    Args:
        results: folder with the volumes of an `Outbox`.
        runs: folder of the results of all tables.
        bundle: takes the compiled programs, for the next visit; None leaves them.

    Returns:
        A line for each table.

    Raises:
        FileNotFoundError: the folder holds no volume.
        ValueError: a volume is damaged.
    """
    volumes = sorted(results.glob(PATTERN))
    if not volumes:
        raise FileNotFoundError(f"{results} must hold what a visit wrote, {PATTERN}: got none.")
    runs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=runs, prefix=".visit-") as name:
        place = Path(name)
        for volume in volumes:
            _extract(volume, place)
        if bundle is not None and (place / CACHE).is_dir():
            shutil.copytree(place / CACHE, bundle / CACHE, dirs_exist_ok=True)
        return [_store(folder, runs / folder.name) for folder in _tables(place)]


def copy(result: Result, store: Store) -> bool:
    """Store a result in another store; False if it is already there, or another run trains it.

    Raises:
        OSError: the disk is full, for example.
    """
    cell = result.cell
    with locks.claim(store.lock(cell)) as mine:
        if not mine or _is_there(store.read(cell), result):
            return False
        folder = store.begin(cell)
        for file in FILES[1:]:
            if (result.path / file).is_file():
                shutil.copy2(result.path / file, folder / file)
        store.commit(cell, folder, result.record)
        locks.remove(store.lock(cell))
    return True


def _is_there(stored: Result | None, new: Result) -> bool:
    return stored is not None and (stored.done or not new.done) and (stored.saved or not new.saved)


def packed(result: Result, table: str, models: bool = True) -> Mapping[str, Path]:
    """Return the files of a result by their names in a volume."""
    names = FILES if models else (RESULT, PREDICTIONS)
    paths = (result.path / name for name in names)
    folder = f"{RUNS}/{table}/{result.path.name}"
    return {f"{folder}/{path.name}": path for path in paths if path.is_file()}


def _tables(place: Path) -> Iterator[Path]:
    yield from sorted(path for path in place.glob(f"{RUNS}/*") if path.is_dir())


def _extract(volume: Path, place: Path) -> None:
    try:
        with tarfile.open(volume) as archive:
            archive.extractall(place, filter="data")
    except tarfile.TarError as error:
        raise ValueError(f"{volume} must be a whole tar file: {error}") from error


def _store(source: Path, target: Path) -> str:
    """Store the results and plans of one table."""
    found, store = list(Store(source).results()), Store(target)
    new = sum(copy(result, store) for result in found)
    locks.remove_folder(store.lock(found[0].cell).parent) if found else None
    if (source / PLANS).is_dir():
        shutil.copytree(source / PLANS, target / PLANS, dirs_exist_ok=True)
    return f"{target}: {new} new of {len(found)} results"
