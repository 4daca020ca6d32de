"""The PyTorch route: a repository of the same shape as the real one, and the real one."""

from __future__ import annotations

import os
import sys
import types
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from preprocessing import detectors
from preprocessing.detectors import yolo5face_hub as module

HUBCONF = """
import sys
sys.path.append("./")
dependencies = ["torch"]
from models.yolo import Model

def custom(path_or_model="x.pt", autoshape=True):
    found = path_or_model["model"] if isinstance(path_or_model, dict) else None
    model = Model(found.columns)
    model.load_state_dict(found.state_dict())
    return model.autoshape() if autoshape else model
"""
MODEL = """
import torch

class Model(torch.nn.Module):
    def __init__(self, columns=16):
        super().__init__()
        self.columns = columns
        self.width = torch.nn.Parameter(torch.tensor(0.0))

    def fuse(self):
        return self

    def forward(self, x):
        row = torch.zeros(len(x), 1, self.columns)
        row[:, :, :2], row[:, :, 3], row[:, :, 4], row[:, :, -1] = 32, 20, 1, 0.9
        row[:, 0, 2] = self.width + 20 * x.mean(dim=(1, 2, 3))
        return row, [row]
"""


@pytest.fixture
def repository(tmp_path) -> Path:
    folder = tmp_path / "repository"
    (folder / "models").mkdir(parents=True)
    (folder / "hubconf.py").write_text(HUBCONF)
    (folder / "models" / "__init__.py").write_text("")
    (folder / "models" / "yolo.py").write_text(MODEL)
    return folder


@pytest.fixture
def checkpoint(repository, tmp_path):
    """Makes a checkpoint whose class lives in the repository, as the published ones do."""
    torch = pytest.importorskip("torch")

    def make(**options) -> Path:
        with module.isolated_imports(module.MODULES):
            sys.path.insert(0, str(repository))
            from models.yolo import Model

            model = Model(**options)
            model.width.data.fill_(10.0)
            torch.save({"model": model}, tmp_path / "x.pt")
        return tmp_path / "x.pt"

    return make


def make(checkpoint, repository, monkeypatch, **options):
    monkeypatch.setattr(module, "PACKAGES", {"torch": "torch"})  # all that this repository needs
    return detectors.make(
        "yolo5face-hub",
        weights=checkpoint,
        hub_repo=repository,
        trust_checkpoint=True,
        input_size=64,
        device="cpu",
        **options,
    )


@pytest.mark.parametrize("batch", [None, 2])
def test_a_checkpoint_is_opened_with_its_repository_and_leaves_no_trace(
    batch, checkpoint, repository, monkeypatch
):
    path = checkpoint()
    mine = types.ModuleType("models")
    monkeypatch.setitem(sys.modules, "models", mine)
    before = list(sys.path)
    detector = make(path, repository, monkeypatch, batch=batch)
    assert sys.modules["models"] is mine and sys.path == before
    assert not {"hubconf", "models.yolo"} & set(sys.modules)
    images = [np.full((64, 64, 3), level, np.uint8) for level in (0, 255, 51)]
    widths = [faces.boxes[0, 2] for faces in detector(images)]
    np.testing.assert_allclose(widths, [10, 30, 14], atol=1e-3)
    about = detector.describe()
    assert about["repository"] == str(repository) and about["library"].startswith("torch ")


def test_a_network_without_landmarks_is_refused(checkpoint, repository, monkeypatch):
    with pytest.raises(ValueError, match=r"\(1, N, 16\).* got \(1, 1, 6\)"):
        make(checkpoint(columns=6), repository, monkeypatch)


def test_a_library_the_repository_wants_is_named(checkpoint, repository, monkeypatch):
    path = checkpoint()
    (repository / "models" / "__init__.py").write_text("import a_library_that_nobody_has")
    with pytest.raises(ImportError, match="pip install a_library_that_nobody_has"):
        make(path, repository, monkeypatch)
    assert "models" not in sys.modules


def test_a_folder_that_is_no_repository_is_named(checkpoint, tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="--hub-repo .*hubconf.py"):
        make(checkpoint(), tmp_path, monkeypatch)


def test_missing_libraries_are_named_all_at_once(tmp_path, monkeypatch):
    (tmp_path / "x.pt").write_bytes(b"x")
    monkeypatch.setattr(module, "PACKAGES", {"no_such": "no-such", "numpy": "numpy", "nor": "nor"})
    with pytest.raises(ImportError, match="pip install no-such nor`"):
        detectors.make("yolo5face-hub", weights=tmp_path / "x.pt", trust_checkpoint=True)


@pytest.fixture
def real_repository() -> str:
    missing = [name for name in module.PACKAGES if find_spec(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    if not os.environ.get("YOLO5FACE_REPO"):
        pytest.skip("set YOLO5FACE_REPO to a clone of deepcam-cn/yolov5-face")
    return os.environ["YOLO5FACE_REPO"]


@pytest.mark.data
def test_the_real_network_finds_what_its_export_finds(weights, real_repository, astronaut):
    hub = detectors.make(
        "yolo5face-hub", weights=weights / "yolov5n-0.5.pt", hub_repo=real_repository, batch=2
    )
    export = detectors.make("yolo5face", weights=weights / "yolov5n-0.5.onnx")
    views = [astronaut, astronaut[:200], np.ascontiguousarray(astronaut[:, ::-1])]
    for ours, theirs in zip(export(views), hub(views), strict=True):
        assert len(ours) == len(theirs) == 1
        np.testing.assert_allclose(ours.boxes, theirs.boxes, atol=0.1)
        np.testing.assert_allclose(ours.landmarks, theirs.landmarks, atol=0.1)
        np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-3)
