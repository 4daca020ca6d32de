"""The runs of a cell, whether it is done or fails, and the description of it."""

import numpy as np
import pytest

from benchmarks.train.tensorboard.session import METRICS, flat, session, write_result

pytest.importorskip("tensorboard")

import fabricated
from tensorboard_reading import hparams, read

SPEC = fabricated.cell(seed=2).spec
CLASSES = ["calm", "恐れ", "odd \udcff"]
LABELS = np.array([0, 0, 1, 2])
PROBABILITIES = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.1, 0.7, 0.2], [0.9, 0.05, 0.05]])
IMAGES = np.full((4, 6, 5, 1), 90, "uint8")
RESULT = {
    "classes": CLASSES,
    "images": IMAGES,
    "labels": LABELS,
    "probabilities": PROBABILITIES,
    "spec": SPEC,
    "metrics": {"accuracy": 0.5, "macro_f1": 0.25, "loss": 1.5, "parameters": 1234},
    "step": 7,
}


def test_curves_and_result_are_two_runs_and_a_finished_cell_a_success(tmp_path):
    with session(tmp_path, SPEC) as board:
        board.curves.scalar("loss/train", 1.0, 1)
        write_result(board.result, **RESULT)
    assert read(tmp_path) == {"loss/train": [(1, 1.0)]}
    found = read(tmp_path / "test")
    for name in METRICS:
        assert found[f"test/{name}"] == [(7, RESULT["metrics"][name])]
    assert {"test/confusion", "test/mistakes"} <= set(found)
    ((step, text),) = found["cell/text_summary"]
    assert step == 7
    assert "| backbone | vgg16 |" in text
    assert "| class 1 | 恐れ |" in text and "| class 2 | odd ? |" in text
    session_there = hparams(tmp_path / "test")
    assert session_there["status"] == 1
    assert session_there["values"] == flat(SPEC)


@pytest.mark.parametrize("error", [FloatingPointError, KeyboardInterrupt])
def test_an_error_is_passed_on_and_makes_the_cell_a_failed_session(tmp_path, error):
    with pytest.raises(error), session(tmp_path, SPEC) as board:
        board.curves.scalar("loss/train", 1.0, 1)
        raise error
    assert read(tmp_path) == {"loss/train": [(1, 1.0)]}
    assert hparams(tmp_path / "test")["status"] == 2


def test_the_files_of_both_runs_are_closed_after_an_error(tmp_path):
    with pytest.raises(ValueError), session(tmp_path, SPEC) as board:
        raise ValueError
    for writer in (board.curves, board.result):
        with pytest.raises(RuntimeError, match="closed"):
            writer.scalar("loss/train", 0.5, 1)


def test_a_spec_is_flattened_without_hashes_and_without_what_is_not_set():
    spec = {
        **SPEC,
        "config": {"reduction_ratio": 8, "kernels": [3, 5]},
        "changes": {"width": 0.5},
        "code": "abc",
    }
    values = flat(spec)
    expected = {
        "backbone": "vgg16",
        "seed": 2,
        "fold": 0,
        "width": 0.25,
        "flip": True,
        "optimizer": "adam",
        "learning_rate": 1e-4,
        "batch_size": 32,
        "protocol": "official",
        "config.reduction_ratio": 8,
        "config.kernels": "[3, 5]",
    }
    assert expected.items() <= values.items()
    hidden = {"fingerprint", "split", "recipe", "code", "settings", "train_samples"}
    assert not hidden & set(values)
    assert not [key for key in values if key.startswith("changes")]
    assert flat({**spec, "fold": 4})["fold"] == 4
