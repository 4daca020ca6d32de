"""The run of a cell, whether it is done or fails, and the description of it."""

import numpy as np
import pytest

from benchmarks.train.tensorboard.session import METRICS, flat, session, write_result

pytest.importorskip("tensorboard")

import fabricated
from tensorboard_reading import hparams, hparams_tab, read

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


def test_a_finished_cell_is_one_successful_run_with_curves_and_result(tmp_path):
    with session(tmp_path, SPEC) as board:
        board.scalar("loss/train", 1.0, 1)
        write_result(board, **RESULT)
    found = read(tmp_path)
    assert found["loss/train"] == [(1, 1.0)]
    for name, tag in METRICS.items():
        assert found[tag] == [(7, RESULT["metrics"][name])]
    assert {"test/confusion", "test/mistakes"} <= set(found)
    ((step, text),) = found["cell/text_summary"]
    assert step == 7
    assert "| backbone | vgg16 |" in text
    assert "| class 1 | 恐れ |" in text and "| class 2 | odd ? |" in text
    session_there = hparams(tmp_path)
    assert session_there["status"] == 1
    assert session_there["values"] == flat(SPEC)


@pytest.mark.parametrize("error", [FloatingPointError, KeyboardInterrupt])
def test_an_error_is_passed_on_and_makes_the_cell_a_failed_session(tmp_path, error):
    with pytest.raises(error), session(tmp_path, SPEC) as board:
        board.scalar("loss/train", 1.0, 1)
        raise error
    assert read(tmp_path) == {"loss/train": [(1, 1.0)]}
    assert hparams(tmp_path)["status"] == 2


def test_the_file_is_closed_after_an_error(tmp_path):
    with pytest.raises(ValueError), session(tmp_path, SPEC) as board:
        raise ValueError
    with pytest.raises(RuntimeError, match="closed"):
        board.scalar("loss/train", 0.5, 1)


def test_the_hparams_tab_has_a_row_per_cell_with_the_accuracy_first(tmp_path):
    cells = [fabricated.cell(attention=kind, seed=1) for kind in ("none", "se")]
    for cell, accuracy in zip(cells, (0.5, 0.75), strict=True):
        with session(tmp_path / cell.run_name, cell.spec) as board:
            for tag in ("accuracy/train", "accuracy/validation", "gates/mean", "learning_rate"):
                board.scalar(tag, 0.125, 1)
            write_result(
                board, **{**RESULT, "metrics": {**RESULT["metrics"], "accuracy": accuracy}}
            )
    columns, metrics, rows = hparams_tab(tmp_path)
    assert columns[0] == "attention" and "seed" in columns
    assert metrics[0] == "accuracy/test" and set(METRICS.values()) <= set(metrics)
    assert set(rows) == {cell.run_name for cell in cells}
    for cell, accuracy in zip(cells, (0.5, 0.75), strict=True):
        values, measured = rows[cell.run_name]
        assert values == flat(cell.spec)
        assert measured["accuracy/test"] == accuracy and measured["loss/test"] == 1.5


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
    assert SPEC["settings"]["augmentation"] == () and "augmentation" not in values
    assert values["ema"] == 0 and values["drop_copies"] is False
    assert not [key for key in values if key.startswith("changes")]
    assert flat({**spec, "fold": 4})["fold"] == 4
