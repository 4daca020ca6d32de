"""Measurements of speed: what they print, and what stops them."""

import argparse
import sys

import keras
import numpy as np
import pytest

from attention_fer.common.console import plain_console
from benchmarks.speed import __main__ as command
from benchmarks.speed import libraries, memory
from benchmarks.speed.ratios import ratio, relative


def test_ratios_in_words():
    assert ratio([2.0, 6.0, 4.0], [1.0, 2.0, 4.0]) == "2.00 (1.50 to 2.50)"
    assert ratio([2.0, 6.0, 4.0], [1.0, 2.0, 4.0], digits=1) == "2.0 (1.5 to 2.5)"
    ours = [1000.0, 2000.0, 4000.0]
    assert relative(ours, ours) == "2,000"
    assert relative([2000.0, 6000.0, 4000.0], ours) == "4,000 (2.00; 1.50 to 2.50)"
    assert relative([1.0, 2.0], [0.0, 1.0], digits=1) == "1.5"


@pytest.mark.parametrize("what", ("pipeline", "libraries"))
def test_no_step_is_too_few(what, capsys):
    assert command.main([what, "--steps", "0"]) == 2
    assert "steps must be an integer of at least 1" in capsys.readouterr().err


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="exports by tf2onnx")
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_network_with_one_output_is_measured_in_onnx_runtime(monkeypatch):
    pytest.importorskip("tf2onnx", reason="the extra release")
    sessions = []
    opened = libraries.open_session
    monkeypatch.setattr(
        libraries, "open_session", lambda *given: sessions.append(opened(*given)) or sessions[0]
    )
    layers = [keras.layers.Flatten(), keras.layers.Dense(7, "softmax")]
    network = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    predict = libraries._onnx_call(network, argparse.Namespace(batch_size=2, size=8, steps=3))
    assert predict() > 0
    images = np.random.default_rng(0).random((5, 8, 8, 3), "float32")
    (found,) = sessions[0].run(["probabilities"], {"pixels": images})
    np.testing.assert_allclose(found, network.predict_on_batch(images), rtol=1e-4)


def test_a_python_without_torchvision_is_named(tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 3\n")
    python.chmod(0o755)
    options = argparse.Namespace(torch_python=str(python), size=8, batch_size=2, steps=1)
    with libraries._torchvision("vgg16", options) as ask:
        for _ in range(2):  # The pipe is open for the first question, closed for the second.
            with pytest.raises(ValueError, match="has torchvision.*exit status 3"):
                ask("parameters")


@pytest.mark.skipif(sys.platform == "win32", reason="waits as on POSIX")
def test_a_preparation_that_complains_at_length_ends(tmp_path, monkeypatch):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nhead -c 200000 /dev/zero | tr '\\0' x >&2\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(memory.sys, "executable", str(python))
    with pytest.raises(ValueError, match="The preparation failed: x{200000}"):
        memory.prepare(tmp_path, 48)


def test_memory_is_a_row_for_each_number_of_photographs(capsys):
    memory.run(argparse.Namespace(images=[14], size=8), plain_console())
    printed = capsys.readouterr().out
    assert "Preparing generated photographs" in printed and "peak memory" in printed
    assert printed.split("\n")[-3].split()[0] == "14"
