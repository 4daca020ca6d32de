"""A checkpoint of unknown origin is not opened, and one that is trusted is what was hashed."""

from __future__ import annotations

import hashlib
import pickle

import pytest

from preprocessing import detectors
from preprocessing.detectors.weights import Checkpoint


class Touching:
    """A pickle of it makes a file when it is opened."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.fixture
def payload(tmp_path):
    file = tmp_path / "x.pt"
    file.write_bytes(pickle.dumps({"model": Touching(tmp_path / "touched")}))
    return file


def test_an_unknown_checkpoint_is_refused_unopened(payload, tmp_path):
    digest = hashlib.sha256(payload.read_bytes()).hexdigest()
    with pytest.raises(ValueError, match=digest) as caught:
        detectors.make("yolo5face-hub", weights=payload)
    assert "trust_checkpoint=True" in str(caught.value)
    assert not (tmp_path / "touched").exists()
    pickle.loads(payload.read_bytes())["model"].close()
    assert (tmp_path / "touched").exists()  # so that the payload was a real one


def test_even_a_trusted_checkpoint_is_not_opened_before_it_is_needed(payload, tmp_path):
    assert len(Checkpoint(payload, trust=True).sha256) == 64
    assert not (tmp_path / "touched").exists()


def test_an_onnx_model_is_sent_to_the_other_detector(tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"")
    with pytest.raises(ValueError, match="ONNX.*detector yolo5face "):
        detectors.make("yolo5face-hub", weights=tmp_path / "x.onnx", trust_checkpoint=True)


def test_what_is_opened_is_what_was_hashed(tmp_path):
    torch = pytest.importorskip("torch")
    file = tmp_path / "x.pt"
    torch.save({"model": 1}, file)
    checkpoint = Checkpoint(file, trust=True)
    file.write_bytes(pickle.dumps({"model": Touching(tmp_path / "touched")}))
    assert checkpoint["model"] == 1
    assert not (tmp_path / "touched").exists()


def test_a_file_with_other_content_is_named(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({"weights": 1}, tmp_path / "x.pt")
    with pytest.raises(ValueError, match="x.pt .*'model'"):
        Checkpoint(tmp_path / "x.pt", trust=True)["model"]


def test_a_damaged_checkpoint_is_named(tmp_path):
    pytest.importorskip("torch")
    (tmp_path / "x.pt").write_bytes(b"not a pickle")
    with pytest.raises(ValueError, match="x.pt .*not a readable"):
        Checkpoint(tmp_path / "x.pt", trust=True)["model"]


@pytest.mark.data
def test_the_published_checkpoint_needs_no_trust(weights):
    path = weights / "yolov5n-0.5.pt"
    assert Checkpoint(path, trust=False).sha256.startswith("9f7cdbcf")
