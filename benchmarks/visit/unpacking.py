"""Unpacks a bundle on a machine without internet access. Needs only the standard library."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import shutil
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from attention_fer.common.progress import Track, untracked

WHEELS, DATA, CACHE, RECORDS, CARD = "wheels", "data", "cache", "records", "bundle.json"


@dataclass(frozen=True)
class Unpacked:
    """An unpacked bundle.

    Attributes:
        runs: folder of the results of all tables.
        data: folder of the prepared datasets.
        cache: folder of compiled programs.
        spent: seconds that the unpacking took.
    """

    runs: Path
    data: Path
    cache: Path
    spent: float


def prepare(bundle: Path, work: Path, track: Track = untracked) -> Unpacked:
    """Unpack a bundle below `work`, unless already done, and make its packages importable.

    Packages of this machine come first: those of the bundle fill gaps. Nothing is installed.

    Args:
        bundle: folder of the bundle.
        work: folder for the work.
        track: shows progress.

    Raises:
        FileNotFoundError: there is no bundle.
        ValueError: the bundle is damaged.
    """
    began = time.monotonic()
    if not (bundle / CARD).is_file():
        raise FileNotFoundError(
            f"{bundle} must hold a bundle, got no {CARD} there. Make it with: "
            "python -m benchmarks.visit bundle"
        )
    card = json.loads((bundle / CARD).read_text(encoding="utf-8"))
    place = work / ".visit"
    # By their content, so that those of an earlier bundle are not mistaken for them.
    wheels = sorted((bundle / WHEELS).glob("*.whl"))
    site = place / "site" / _hash(wheels)
    _once(site, partial(_unpack_wheels, wheels, track=track))
    sys.path.append(str(site.resolve()))
    importlib.invalidate_caches()
    archives = sorted((bundle / DATA).glob("*.tar.xz"))
    data = place / "data" / _hash(archives)
    for archive in archives:
        name = archive.name.removesuffix(".tar.xz")
        _once(data / name, partial(_unpack_dataset, archive, track=track))
    (place / CACHE).mkdir(exist_ok=True)
    if (bundle / CACHE).is_dir():
        shutil.copytree(bundle / CACHE, place / CACHE, dirs_exist_ok=True)
    os.environ.update(_environment((place / CACHE).resolve(), card["revision"]))
    if (bundle / RECORDS).is_dir():
        from benchmarks.visit.collecting import collect

        collect(bundle / RECORDS, work)
    return Unpacked(work, data, place / CACHE, time.monotonic() - began)


def _environment(cache: Path, revision: str | None) -> dict[str, str]:
    """Return the environment of the cells' processes."""
    # Even what compiles in no time: the initial weights of a deep network are hundreds of programs.
    found = {
        "KERAS_BACKEND": "jax",
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    return {**found, "ATTENTION_FER_REVISION": revision} if revision else found


def _hash(paths: Sequence[Path]) -> str:
    found = hashlib.sha256()
    for path in paths:
        found.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:10]


def _once(folder: Path, fill: Callable[[Path], None]) -> None:
    """Fill a folder, whole or not at all, unless it exists."""
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".part-") as name:
        filled = Path(name) / folder.name
        filled.mkdir()
        fill(filled)
        os.rename(filled, folder)


def _unpack_wheels(wheels: Sequence[Path], folder: Path, track: Track) -> None:
    for path in track(wheels, "unpacking packages", len(wheels), 0):
        try:
            with zipfile.ZipFile(path) as wheel:
                wheel.extractall(folder)
        except zipfile.BadZipFile as error:
            raise ValueError(f"{path} must be a whole wheel: {error}") from error


def _unpack_dataset(archive: Path, folder: Path, track: Track) -> None:
    try:
        with tarfile.open(archive) as content:
            members = track(content, f"unpacking {folder.name}", None, 0)
            content.extractall(folder, members, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"{archive} must be a whole tar.xz file: {error}") from error
    from benchmarks.visit import originals  # needs packages of the bundle

    if (folder / originals.CONTENTS).is_file():
        originals.restore(folder, track)
