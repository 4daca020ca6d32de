"""The published weights of YOLO5Face: where they come from, their hashes, and their place here.

They are checkpoints of deepcam-cn/yolov5-face as clibdev/yolov5-face releases them, under GPL-3.0.
"""

from __future__ import annotations

import difflib
import hashlib
import logging
import os
from pathlib import Path

RELEASE = "https://github.com/clibdev/yolov5-face/releases/latest/download/"
CACHE = "ATTENTION_FER_CACHE"
"""Environment variable that names another folder for downloaded files."""

NAMES = {
    "n-0.5": "yolov5n-0.5-face",
    "n": "yolov5n-face",
    "s": "yolov5s-face",
    "m": "yolov5m-face",
}
SHA256 = {
    "yolov5n-0.5-face.pt": "9f7cdbcf5cd63f454c47b18e7400a69630b96a01efb7559367e91b6e962ad3bd",
    "yolov5n-0.5-face.onnx": "269eb1e54313f9d1f7941ed9939fa247767539bca5801fc7aa7895960e93ca43",
    "yolov5n-face.pt": "794c94da54630f2ca66167fea25530c68133c61a2b14131b073c0d4064934e50",
    "yolov5n-face.onnx": "ee6ba4ccdc3c075d205c9703aec53a2aa3010c8d7fa08b0eff078e33a4b4fe6c",
    "yolov5s-face.pt": "a594ade0f5e80f5cf15aef8997d285a3fb4b372a2af5262fbc6837d30318cda7",
    "yolov5s-face.onnx": "9083776982185402cfb3bd3cba8d453823068e72a0f9b0a6c6060439a850d9c5",
    "yolov5m-face.pt": "ca90ccc1b76c06d330a501bdb2cba63d3740fd3ef39baea89c7acc602557a4a2",
    "yolov5m-face.onnx": "c7ea51072e5f5c1ead34be14b3f4a23f44477448c271bc161b99d122fa0d8f10",
}


class WeightsError(OSError):
    """A published file is not in the cache and could not be fetched as it was published."""


def locate(weights: str | os.PathLike[str], suffix: str) -> Path:
    """The file that a name or a path means, fetched if it is published and not here yet.

    Args:
        weights: "n-0.5", "n", "s", "m", or the path of a file.
        suffix: of the published file wanted, ".onnx" or ".pt".

    Raises:
        FileNotFoundError: neither a published name nor a file.
        WeightsError: a published file that cannot be fetched.
    """
    name = os.fspath(weights)
    if name in NAMES:
        file = NAMES[name] + suffix
        return fetch(file, SHA256[file])
    if Path(name).is_file():
        return Path(name)
    near = difflib.get_close_matches(name, NAMES, n=1)
    hint = f", did you mean {near[0]!r}?" if near else ""
    raise FileNotFoundError(
        f"no weights {name!r}: expected the path of a {suffix} file that exists, "
        f"or one of {', '.join(NAMES)}{hint}"
    )


def cache() -> Path:
    """The folder of downloaded files: ATTENTION_FER_CACHE, else the user's cache."""
    import pooch

    return Path(os.environ.get(CACHE) or pooch.os_cache("attention_fer"))


def fetch(file: str, sha256: str, release: str = RELEASE) -> Path:
    """A published file from the cache, or downloaded into it, whole and of this hash or not at all.

    Raises:
        WeightsError: no network, no such file, or one of another hash.
    """
    import pooch

    folder, url = cache(), release + file
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)  # the hash is known, so that its advice on it is noise
    try:
        return Path(pooch.retrieve(url, f"sha256:{sha256}", file, folder, downloader=_download))
    except (OSError, ValueError) as error:  # pooch raises ValueError for another hash
        raise WeightsError(
            f"{file} is not in {folder} as published and could not be fetched from {url}: download "
            f"it where there is a network, check that its SHA-256 is {sha256}, and put it at "
            f"{folder / file}; or give the file with --weights PATH. Cause: {_first_line(error)}"
        ) from error
    finally:
        logger.setLevel(level)


def _download(url: str, target: str, _: object) -> None:
    """As pooch's own downloader does, which leaves the connection open after a failure."""
    import requests

    with requests.get(url, stream=True, timeout=30) as response, open(target, "wb") as stream:
        response.raise_for_status()
        for block in response.iter_content(1 << 20):
            stream.write(block)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
