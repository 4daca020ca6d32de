"""Small copies of FER2013 in each of its layouts, built where a test asks for them."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from preprocessing.sources import Raw, Source, base

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
USAGES = ("Training", "PublicTest", "PrivateTest")


class RawFer2013:
    """Makes raw FER2013 data; `face(n)` is the same image in every layout."""

    @staticmethod
    def face(number: int, shape: tuple[int, ...] = (48, 48)) -> np.ndarray:
        return np.random.default_rng(number).integers(0, 256, shape, dtype=np.uint8)

    @staticmethod
    def encode(image: np.ndarray, kind: str = "PNG") -> bytes:
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, kind)
        return stream.getvalue()

    def pixels(self, number: int) -> str:
        return " ".join(map(str, self.face(number).ravel()))

    def rows(self) -> list[tuple[int, int, str]]:
        """(image number, label, usage): two of each class in train, one in the other parts."""
        plan = [(usage, label) for usage in ("Training", *USAGES) for label in range(7)]
        return [(number, label, usage) for number, (usage, label) in enumerate(plan)]

    def fer_csv(self, *junk: str) -> str:
        lines = [f"{label},{self.pixels(n)},{usage}" for n, label, usage in self.rows()]
        return "\n".join(["emotion,pixels,Usage", *lines, *junk]) + "\n"

    def icml_csv(self) -> str:
        lines = [f"{label},{usage},{self.pixels(n)}" for n, label, usage in self.rows()]
        return "\n".join(["emotion, Usage, pixels", *lines]) + "\n"

    def train_csv(self) -> str:
        train = [(n, label) for n, label, usage in self.rows() if usage == "Training"]
        return "\n".join(["emotion,pixels", *(f"{b},{self.pixels(n)}" for n, b in train)]) + "\n"

    def test_csv(self) -> str:
        test = [n for n, _, usage in self.rows() if usage != "Training"]
        return "\n".join(["pixels", *map(self.pixels, test)]) + "\n"

    def folders(self) -> dict[str, bytes]:
        tree = {}
        for number, label, usage in self.rows():
            part = "train" if usage == "Training" else "test"
            name = f"{part}/{CLASSES[label]}/{usage}_{number}.png"
            tree[name] = self.encode(self.face(number))
        return tree

    @staticmethod
    def directory(path: Path, tree: dict[str, bytes | str]) -> Path:
        for name, content in tree.items():
            target = path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    @staticmethod
    def zip(path: Path, tree: dict[str, bytes | str], top: str = "") -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in tree.items():
                archive.writestr(top + name, content)
        return path


@pytest.fixture
def raw() -> RawFer2013:
    return RawFer2013()


@pytest.fixture
def made_up(monkeypatch):
    """Makes sources known that yield given items; returns the name of each."""

    def make(items, classes=("sad", "happy"), *, name="made-up", **more):
        raw = lambda path, notice: Raw(classes, iter(items), **more)  # noqa: E731
        monkeypatch.setitem(base.SOURCES._values, name, Source(name, raw, kind="faces"))
        return name

    return make


@pytest.fixture
def data() -> Path:
    """Folder of real data: FER_DATA, else shared/data beside the project."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = Path(os.environ.get("FER_DATA") or beside)
    if not (folder / "fer2013" / "archive.zip").is_file():
        pytest.skip(f"no fer2013/archive.zip in {folder}: set FER_DATA to the folder that has it")
    return folder
