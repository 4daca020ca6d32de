"""Published weights of detectors: source, hashes, local cache, and trust in checkpoints."""

from __future__ import annotations

import hashlib
import io
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attention_fer.common.checks import one_of
from preprocessing.detectors import cascade

CACHE = "ATTENTION_FER_CACHE"
"""Environment variable for another download folder."""


@dataclass(frozen=True)
class Release:
    """Published files of one detector.

    Attributes:
        address: address of the folder they are in, ending with a slash.
        names: the file name, without its suffix, for each name on the command line.
        sha256: the hash of each file.
        size: how large the files are, for people.
    """

    address: str
    names: Mapping[str, str]
    sha256: Mapping[str, str]
    size: str


YOLO5FACE = Release(
    "https://github.com/clibdev/yolov5-face/releases/latest/download/",
    {"n-0.5": "yolov5n-0.5-face", "n": "yolov5n-face", "s": "yolov5s-face", "m": "yolov5m-face"},
    {
        "yolov5n-0.5-face.pt": "9f7cdbcf5cd63f454c47b18e7400a69630b96a01efb7559367e91b6e962ad3bd",
        "yolov5n-0.5-face.onnx": "269eb1e54313f9d1f7941ed9939fa247767539bca5801fc7aa7895960e93ca43",
        "yolov5n-face.pt": "794c94da54630f2ca66167fea25530c68133c61a2b14131b073c0d4064934e50",
        "yolov5n-face.onnx": "ee6ba4ccdc3c075d205c9703aec53a2aa3010c8d7fa08b0eff078e33a4b4fe6c",
        "yolov5s-face.pt": "a594ade0f5e80f5cf15aef8997d285a3fb4b372a2af5262fbc6837d30318cda7",
        "yolov5s-face.onnx": "9083776982185402cfb3bd3cba8d453823068e72a0f9b0a6c6060439a850d9c5",
        "yolov5m-face.pt": "ca90ccc1b76c06d330a501bdb2cba63d3740fd3ef39baea89c7acc602557a4a2",
        "yolov5m-face.onnx": "c7ea51072e5f5c1ead34be14b3f4a23f44477448c271bc161b99d122fa0d8f10",
    },
    "1 to 80 MB",
)
"""Checkpoints of deepcam-cn/yolov5-face as released by clibdev/yolov5-face, under GPL-3.0."""

YUNET = Release(
    "https://github.com/ShiqiYu/libfacedetection.train/raw/"
    "0047ac24afb1a50a0c6105001c89d1b5b805dbf1/onnx/",
    {"n": "yunet_n_dynamic", "s": "yunet_s_dynamic"},
    {
        "yunet_n_dynamic.onnx": "104ee26c71d5c270ce79a6b3dced91c91013260d29a6bf18f9296c5b8c4c2b12",
        "yunet_s_dynamic.onnx": "daede24002cc8590f457998cc5e6c9e8b82f45f6bd969506a8913cd4ed10a2d3",
    },
    "0.3 MB",
)
"""The authors' exports for inputs of any size, under Apache-2.0."""

RELEASES = (YOLO5FACE, YUNET)


class WeightsError(OSError):
    """A published file is not in the cache and its published version could not be downloaded."""


def locate(weights: str | os.PathLike[str], suffix: str, release: Release) -> Path:
    """Returns the file for a name or a path; published files are downloaded if necessary.

    Args:
        weights: one of the names of the release, or the path of a file.
        suffix: suffix of the published file, ".onnx" or ".pt".
        release: the published files.

    Raises:
        FileNotFoundError: neither a published name nor an existing file.
        WeightsError: a published file cannot be downloaded.
    """
    name = os.fspath(weights)
    if name not in release.names and Path(name).is_file():
        return Path(name)
    try:
        file = release.names[one_of("weights", name, release.names)] + suffix
    except ValueError as error:
        raise FileNotFoundError(f"{error} Or give the path of a {suffix} file.") from None
    return fetch(file, release.sha256[file], release.address, release.size)


def short_name(file: str) -> str | None:
    """Returns the name on the command line of a published file, None for any other file."""
    known = {stem: name for release in RELEASES for name, stem in release.names.items()}
    return known.get(Path(file).stem)


def cache() -> Path:
    """Returns the download folder: ATTENTION_FER_CACHE, else the user's cache."""
    import pooch

    return Path(os.environ.get(CACHE) or pooch.os_cache("attention_fer"))


def fetch(file: str, sha256: str, address: str, size: str) -> Path:
    """Returns a published file from the cache, downloading it if necessary.

    The file is moved into the cache only once it is complete and has the given hash.

    Args:
        file: its name in the release.
        sha256: its hash, 64 hexadecimal digits.
        address: address of the release, ending with a slash.
        size: of the file, for people.

    Raises:
        WeightsError: no network, no such file, or a file with another hash.
    """
    import pooch

    folder, url = cache(), address + file
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)  # its advice about hashes is noise: we pass one
    try:
        return Path(pooch.retrieve(url, f"sha256:{sha256}", file, folder, downloader=_download))
    except (OSError, ValueError) as error:  # pooch raises ValueError for another hash
        raise WeightsError(
            f"{file} is not in {folder} as published and could not be downloaded ({size}) from "
            f"{url}: {_first_line(error)}. Download it elsewhere, check that its SHA-256 is "
            f"{sha256}, and save it as {folder / file}, or pass the file with --weights PATH. "
            f"{cascade.without_download()}"
        ) from error
    finally:
        logger.setLevel(level)


def _download(url: str, target: str, _: object) -> None:
    """Downloads as pooch does, but closes the connection after a failure."""
    import requests

    with requests.get(url, stream=True, timeout=30) as response, open(target, "wb") as stream:
        response.raise_for_status()
        for block in response.iter_content(1 << 20):
            stream.write(block)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".") or type(error).__name__


class Checkpoint(dict):
    """The dictionary in a .pt file, read on first access to an item.

    A checkpoint is a pickle: opening it runs any code its author put there, and works only while
    the repository of its classes is importable. The bytes that are hashed are the bytes that are
    opened later, even if the file changes in between.

    Args:
        path: the file.
        trust: open it whatever its hash.

    Raises:
        ValueError: its hash is not a published one and `trust` is False, or it is an ONNX file.
    """

    def __init__(self, path: Path, *, trust: bool):
        super().__init__()
        if path.suffix == ".onnx":
            raise ValueError(
                f"yolo5face-hub needs a .pt file, got the ONNX model {path}. "
                "Use it with the detector yolo5face instead."
            )
        self._path, self._bytes = path, path.read_bytes()
        self.sha256 = hashlib.sha256(self._bytes).hexdigest()
        published = (digest for file, digest in YOLO5FACE.sha256.items() if file.endswith(".pt"))
        if not trust and self.sha256 not in published:
            raise ValueError(
                f"{path} must be a published checkpoint, got one with SHA-256 {self.sha256}. "
                "Opening a checkpoint runs the code inside it: if you trust its origin, pass "
                "trust_checkpoint=True (--trust-checkpoint)."
            )

    def __missing__(self, key: str) -> Any:
        import torch

        if self._bytes:
            data, self._bytes = io.BytesIO(self._bytes), b""
            # weights_only would refuse the network's classes, which are all the file contains.
            try:
                content = torch.load(data, map_location="cpu", weights_only=False)
            except ImportError:
                raise
            except Exception as error:  # a damaged pickle raises nearly anything
                raise ValueError(f"{self._path} is not a readable checkpoint: {error}") from error
            if isinstance(content, dict):
                self.update(content)
        if key not in self:
            raise ValueError(f"{self._path} is not a YOLO5Face checkpoint: it has no {key!r}.")
        return self[key]
