"""A photograph, the real weights where there are any, and a place for downloads."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture
def astronaut() -> np.ndarray:
    """uint8 (256, 256, 3), one face."""
    with Image.open(PROJECT / "tests" / "fixtures" / "astronaut.jpg") as image:
        return np.asarray(image.convert("RGB"))


@pytest.fixture
def weights() -> Path:
    """Folder of real weights: yolo5face in FER_DATA, else in shared/data beside the project."""
    beside = PROJECT.parent / "shared" / "data"
    folder = Path(os.environ.get("FER_DATA") or beside) / "yolo5face"
    for name in ("yolov5n-0.5.onnx", "yolov5n-0.5.pt"):
        if not (folder / name).is_file():
            pytest.skip(f"no {name} in {folder}: set FER_DATA to the folder above that has it")
    return folder


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("ATTENTION_FER_CACHE", str(folder))
    return folder
