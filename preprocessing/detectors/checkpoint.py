"""A PyTorch checkpoint that is opened on first use, and only if it is trusted."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

from preprocessing.detectors.weights import SHA256


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
        published = (SHA256[name] for name in SHA256 if name.endswith(".pt"))
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
