"""A PyTorch checkpoint that is opened late, and only if it is trusted."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

from preprocessing.detectors.weights import SHA256


class Checkpoint(dict):
    """The dictionary in a .pt file, read when one of its items is asked for.

    A checkpoint is a pickle: opening it runs whatever code its author put there, and finds the
    classes it names only while their repository can be imported. The hash is of the bytes that
    are opened later, whatever happens to the file in between.

    Args:
        path: the file.
        trust: open it whatever its hash is.

    Raises:
        ValueError: its hash is none of the published ones and `trust` is False.
    """

    def __init__(self, path: Path, *, trust: bool):
        super().__init__()
        if path.suffix == ".onnx":
            raise ValueError(
                f"{path} is an ONNX model: give it to the detector yolo5face, "
                "or give yolo5face-hub a .pt file"
            )
        self._path, self._bytes = path, path.read_bytes()
        self.sha256 = hashlib.sha256(self._bytes).hexdigest()
        published = (SHA256[name] for name in SHA256 if name.endswith(".pt"))
        if not trust and self.sha256 not in published:
            raise ValueError(
                f"{path} has the SHA-256 {self.sha256}, which is none of the published "
                "checkpoints'. Opening a checkpoint runs code that is inside it: if you trust its "
                "origin, give trust_checkpoint=True (--trust-checkpoint)"
            )

    def __missing__(self, key: str) -> Any:
        import torch

        if self._bytes:
            data, self._bytes = io.BytesIO(self._bytes), b""
            # weights_only would refuse the network's classes, which are the checkpoint's content.
            try:
                content = torch.load(data, map_location="cpu", weights_only=False)
            except ImportError:
                raise
            except Exception as error:  # a damaged pickle raises nearly anything
                raise ValueError(f"{self._path} is no readable checkpoint ({error})") from error
            if isinstance(content, dict):
                self.update(content)
        if key not in self:
            raise ValueError(f"{self._path} is no checkpoint of YOLO5Face: it has no {key!r}")
        return self[key]
