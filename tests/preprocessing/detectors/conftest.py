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
    """Folder of YOLO5Face's weights."""
    return _real("yolo5face", "yolov5n-0.5.onnx", "yolov5n-0.5.pt")


@pytest.fixture
def yunet() -> Path:
    """Folder of YuNet's weights."""
    return _real("yunet", "yunet_n_dynamic.onnx", "yunet_s_640_640.onnx")


def _real(name: str, *files: str) -> Path:
    """A folder of real weights in FER_DATA, else in shared/data beside the project."""
    beside = PROJECT.parent / "shared" / "data"
    folder = Path(os.environ.get("FER_DATA") or beside) / name
    for file in files:
        if not (folder / file).is_file():
            pytest.skip(f"no {file} in {folder}: set FER_DATA to the folder above that has it")
    return folder


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("ATTENTION_FER_CACHE", str(folder))
    return folder
