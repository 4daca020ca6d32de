"""Event files, read back as TensorBoard reads them."""

import numpy as np
import pytest

from benchmarks.train.tensorboard.events import EventWriter

pytest.importorskip("tensorboard")

from tensorboard_reading import hparams, read

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype="uint8")
HPARAMS = {"backbone": "vgg16", "seed": 3, "flip": True, "learning_rate": 0.05}


@pytest.fixture
def writer(tmp_path):
    opened = EventWriter(tmp_path / "cell" / "run")
    yield opened
    opened.close()


def test_what_is_written_is_read(writer, tmp_path):
    for step, loss in ((1, 1.5), (2, 0.25)):
        writer.scalar("loss/train", loss, step)
    writer.image("test/confusion", PIXELS, 2)
    writer.text("cell", "| é | 恐れ |", 2)
    writer.close()
    found = read(tmp_path / "cell" / "run")
    assert found.pop("loss/train") == [(1, 1.5), (2, 0.25)]
    ((step, pixels),) = found.pop("test/confusion")
    assert step == 2
    np.testing.assert_array_equal(pixels, PIXELS)
    assert found == {"cell/text_summary": [(2, "| é | 恐れ |")]}


@pytest.mark.parametrize(("done", "status"), [(True, 1), (False, 2)])
def test_a_run_is_a_session_of_the_hparams_tab(writer, tmp_path, done, status):
    writer.begin(HPARAMS)
    writer.flush()
    run = tmp_path / "cell" / "run"
    assert hparams(run) == {"values": HPARAMS, "status": None}
    writer.end(done=done)
    writer.close()
    assert hparams(run) == {"values": HPARAMS, "status": status}


def test_what_was_flushed_can_be_read_while_the_file_is_open(writer, tmp_path):
    writer.scalar("loss/train", 0.5, 1)
    writer.flush()
    assert read(tmp_path / "cell" / "run") == {"loss/train": [(1, 0.5)]}


def test_closing_twice_does_nothing_and_writing_after_it_fails(writer):
    writer.close()
    writer.close()
    writer.flush()
    with pytest.raises(RuntimeError, match="closed"):
        writer.scalar("loss/train", 0.5, 1)
