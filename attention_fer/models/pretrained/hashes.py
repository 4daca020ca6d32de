"""SHA-256 of weights: against a value that is given, and against a record of the first use."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path


def check(path: Path, sha256: str | None) -> None:
    """Raises RuntimeError unless the file has that SHA-256; None checks nothing."""
    if sha256 is None:
        return
    found = _of(path)
    if found != sha256.lower():
        raise RuntimeError(
            f"{str(path)!r} has SHA-256 {found}, expected {sha256}. It was not read. It is another "
            "file than was meant, or damaged: fetch it again, or correct the expected value."
        )


def check_against_first_use(name: str, folder: Path) -> None:
    """Records the hashes of a preset's files at their first use and compares them from then on.

    The record, `presets/<name>.sha256` in the folder `attention_fer` of the Keras home (usually
    ~/.keras), is what `sha256sum --check` reads in the preset's folder. It shows files that have
    changed since the first use on this machine: damaged, or published anew under the same version.
    It says nothing about whether the first download was the right one.

    Raises:
        RuntimeError: a file that is not what it was, that is new or that is missing.
    """
    record = _home() / "attention_fer" / "presets" / f"{name}.sha256"
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    now = {path.relative_to(folder).as_posix(): _of(path) for path in paths}
    if not record.is_file():
        _write(record, "".join(f"{digest}  {path}\n" for path, digest in now.items()))
        return
    lines = record.read_text(encoding="utf-8").splitlines()
    before = {path: digest for digest, path in (line.split("  ", 1) for line in lines)}
    changed = sorted({path for path, _ in now.items() ^ before.items()})
    if changed:
        raise RuntimeError(
            f"The preset {name!r} is not what it was at its first use: {', '.join(changed)} "
            f"in {str(folder)!r} differ from the hashes in {str(record)!r}. Nothing was read. "
            "Delete that folder to fetch the preset again; if the change is meant, delete the "
            "record."
        )


def _home() -> Path:
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")


def _of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        file.write(text)
    os.replace(file.name, path)
