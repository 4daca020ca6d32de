"""The trained networks in this package: their files, and what is known about them.

    from attention_fer import pretrained
    network = pretrained.find("fer-small", "fer2013")
    network.classes, network.file("onnx")

Each network is a folder, and its weights are files there that share a name: `fer2013.json`
describes the other files, their inputs and their accuracy; `fer2013.md` says the same for people.
Nothing here imports a framework, so ONNX Runtime can use the ONNX files without Keras;
`attention_fer.models.build("fer-small", weights="fer2013")` returns the Keras network. `python -m
benchmarks.release` writes these files.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attention_fer.common.checks import one_of
from attention_fer.common.files import sha256

FOLDER = Path(__file__).parent
SCHEMA_VERSION = 1
# Formats in which a network may be stored, with their file suffixes.
FORMS = {
    "keras": ".keras",
    "onnx": ".onnx",
    "onnx-int8": ".int8.onnx",
    "onnx-float16": ".float16.onnx",
}
_KEYS = {"schema_version", "name", "weights", "classes", "input", "output", "temperature", "files"}


@dataclass(frozen=True)
class ShippedNetwork:
    """A network on disk.

    Attributes:
        folder: where its files are.
        manifest: content of its JSON file.
    """

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the probabilities."""
        return tuple(self.manifest["classes"])

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Height, width and channels of the images, without the batch."""
        return tuple(self.manifest["input"]["shape"][1:])

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms in which it is stored, some of `FORMS`."""
        return tuple(self.manifest["files"])

    @property
    def self_test(self) -> Path | None:
        """Inputs with the probabilities that are expected, checked like `file`; None without."""
        known = self.manifest.get("self_test")
        return None if known is None else self._checked(known)

    def file(self, form: str) -> Path:
        """Return the path of a file whose content has been checked.

        Args:
            form: one of `forms`.

        Raises:
            ValueError: an unknown form, or a file whose SHA-256 is not that of the manifest.
            FileNotFoundError: the file is missing.
        """
        return self._checked(self.manifest["files"][one_of("form", form, self.forms)])

    def _checked(self, known: Mapping[str, Any]) -> Path:
        path = self.folder / known["file"]
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is missing, though {self.manifest['weights']}.json lists it. Install "
                "attention-fer again."
            )
        if (found := sha256(path)) != known["sha256"]:
            raise ValueError(
                f"{path} must have the SHA-256 {known['sha256']}, got {found}. The file is damaged "
                "or altered: install attention-fer again."
            )
        return path


def names(folder: str | os.PathLike[str] | None = None) -> dict[str, list[str]]:
    """Return the names of the networks, each with the names of its weights.

    Args:
        folder: where to look; None for this package.
    """
    found: dict[str, list[str]] = {}
    for path in sorted(Path(folder or FOLDER).glob("*/*.json")):
        found.setdefault(path.parent.name, []).append(path.stem)
    return found


def find(name: str, weights: str, folder: str | os.PathLike[str] | None = None) -> ShippedNetwork:
    """Return a network that comes with the package.

    Args:
        name: name of the network, such as "fer-small".
        weights: name of its weights, such as "fer2013".
        folder: where to look; None for this package.

    Raises:
        ValueError: an unknown name, or a manifest that is damaged or of another version.
    """
    known = names(folder)
    one_of("pretrained network", name, known)
    one_of(f"weights of {name!r}", weights, known[name])
    path = Path(folder or FOLDER) / name / f"{weights}.json"
    return ShippedNetwork(path.parent, _read(path))


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} must be JSON: {error}") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version != SCHEMA_VERSION:
        raise ValueError(f"schema_version in {path} must be {SCHEMA_VERSION}, got {version!r}.")
    if missing := sorted(_KEYS - set(content)):
        raise ValueError(f"{path} must have {', '.join(missing)}.")
    return content
