"""Writes the folder that travels to the machine with the GPU."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from attention_fer.common.checks import one_of
from attention_fer.common.files import replacing, write_json
from benchmarks.results.provenance import revision
from benchmarks.visit import originals
from benchmarks.visit.collecting import packed
from benchmarks.visit.outbox import MIB, Outbox
from benchmarks.visit.requests import Requests
from benchmarks.visit.unpacking import CACHE, CARD, DATA, RECORDS, WHEELS
from preprocessing.dataset.folder import Dataset
from preprocessing.dataset.manifest import FILES, IMAGES

# Everything that training imports, except what JAX itself needs. Larger libraries, such as OpenCV
# and scikit-learn, are loaded only where images are prepared.
PACKAGES = (
    "keras",
    "namex",
    "optree",
    "absl-py",
    "h5py",
    "packaging",
    "typing_extensions",
    "rich",
    "pygments",
    "markdown-it-py",
    "mdurl",
    "filelock",
    "pillow",
    "tensorboardX",
    "protobuf",
)
GLIBC = ("2_28", "2_27", "2_17", "2014")


@dataclass(frozen=True)
class Size:
    """Bytes that travel, by part."""

    parts: Mapping[str, int]

    @property
    def total(self) -> float:
        """In MiB."""
        return sum(self.parts.values()) / MIB

    def describe(self) -> str:
        """Return the sizes as text."""
        each = ", ".join(f"{name} {size / MIB:.1f}" for name, size in self.parts.items())
        return f"{self.total:.1f} MiB travel ({each})"

    def check(self, most: float) -> None:
        """Raise ValueError if more than `most` MiB would travel."""
        if self.total >= most:
            raise ValueError(
                f"The bundle must stay under {most:g} MiB, got {self.total:.1f}. Leave out "
                "packages that are already there with --without, or remove the bundle's folder "
                "cache."
            )


def make(
    folder: Path,
    planned: Requests,
    *,
    python: str,
    machine: str,
    without: Collection[str] = (),
    raw: Mapping[str, Path] | None = None,
) -> Size:
    """Write a bundle and return what travels: the bundle and the files of the checkout.

    Datasets that are in the bundle already are not compressed again.

    Args:
        folder: folder of the bundle.
        planned: what is to be trained; its datasets and its finished results travel.
        python: version of Python there, such as "3.12".
        machine: its processor, as in the names of wheels.
        without: packages of `PACKAGES` that the other machine has.
        raw: by dataset, the folder or zip archive of its original images, which then travel in
            place of the pixels.

    Raises:
        ValueError: an unknown dataset or other originals in `raw`, or pip finds no wheel of the
            version that is installed here.
        OSError: the disk is full, for example.
    """
    datasets = {name: one for run in planned.runs for name, one in run.datasets.items()}
    raw = {one_of("dataset", name, datasets): path for name, path in (raw or {}).items()}
    folder.mkdir(parents=True, exist_ok=True)
    wheels = [name for name in PACKAGES if name not in without]
    _download(wheels, folder / WHEELS, python, machine)
    for name, dataset in datasets.items():
        _compress(dataset, folder / DATA / f"{name}.tar.xz", raw.get(name))
    shutil.rmtree(folder / RECORDS, ignore_errors=True)
    records = Outbox(folder / RECORDS, volume=1024, volumes=1)
    for slug, stores in planned.stores.items():
        for store in stores:
            result = next(store.results([c for c in planned.cells if c.slug == slug]), None)
            if result is not None and result.done:
                records.add(packed(result, store.root.name, models=False))
    write_json(folder / CARD, {"revision": revision(), "python": python, "packages": wheels})
    parts = (WHEELS, DATA, RECORDS, CACHE)
    return Size({name: _bytes(folder / name) for name in parts} | {"checkout": _checkout()})


def _download(names: Collection[str], folder: Path, python: str, machine: str) -> None:
    """Download wheels of the installed versions for another machine."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if not names:
        return
    platforms = [f"--platform=manylinux{'' if g == '2014' else '_'}{g}_{machine}" for g in GLIBC]
    exact = [f"{name}=={importlib.metadata.version(name)}" for name in names]
    pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check"]
    command = [*pip, "--no-deps", "--only-binary=:all:", "--implementation=cp"]
    target = [f"--python-version={python}", *platforms, f"--dest={folder}"]
    done = subprocess.run([*command, *target, *exact], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(
            f"pip must find wheels for Python {python} on {machine}, got: {done.stderr.strip()}"
        )


def _compress(dataset: Dataset, path: Path, raw: Path | None) -> None:
    """Write a prepared dataset as tar.xz, with an empty file next to it that names its content."""
    mark = path.with_name(f"{path.name}.{dataset.fingerprint[:12]}{'-raw' if raw else ''}")
    if path.is_file() and mark.is_file():
        return
    for old in path.parent.glob(f"{path.name}.*"):
        old.unlink()
    with tempfile.TemporaryDirectory() as name:
        files = {name: dataset.path / name for name in FILES}
        if raw is not None:
            originals.write(dataset, raw, Path(name))
            del files[IMAGES]
            files |= {one: Path(name) / one for one in originals.FILES}
        with replacing(path) as draft, tarfile.open(draft, "w:xz") as archive:
            for inside, file in files.items():
                archive.add(file, inside)
    mark.touch()


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _checkout() -> int:
    """Return the bytes of the files that git knows or would add; 0 outside a checkout."""
    root = Path(__file__).resolve().parents[2]
    command = ["git", "-C", str(root), "ls-files", "-z", "-co", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    paths = (root / name for name in listed.split("\0") if name)
    return sum(path.lstat().st_size for path in paths if path.is_file())
