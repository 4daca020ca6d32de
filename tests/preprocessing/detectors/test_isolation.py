"""Code that expects to own the process leaves it as it was."""

from __future__ import annotations

import logging
import os
import sys
import types
import warnings

import cv2
import numpy as np
import pytest

from preprocessing.detectors.yolo5face_hub import isolated_imports

RUDE = """
import logging, os, sys, warnings, cv2, numpy
sys.path.append("./")
os.environ["A_GUEST_WAS_HERE"] = "1"
os.environ["A_HOST_LIVES_HERE"] = "changed"
cv2.setNumThreads(0)
numpy.set_printoptions(linewidth=320, formatter={"float_kind": "{:11.5g}".format})
logging.getLogger().addHandler(logging.NullHandler())
logging.getLogger().setLevel(5)
logging.getLogger(__name__).info("noise")
print("noise")
warnings.warn("noise")
from models.inner import VALUE
"""


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").write_text(RUDE)
    (tmp_path / "models" / "inner.py").write_text("VALUE = 42\ndef value():\n    return VALUE\n")
    return tmp_path


def state():
    root = logging.getLogger()
    return {
        "path": list(sys.path),
        "modules": {n: m for n, m in sys.modules.items() if n.split(".")[0] == "models"},
        "environment": dict(os.environ),
        "threads": cv2.getNumThreads(),
        "printing": np.get_printoptions(),
        "handlers": list(root.handlers),
        "level": root.level,
        "disabled": logging.root.manager.disable,
        "filters": list(warnings.filters),
    }


@pytest.mark.parametrize("fails", [False, True])
def test_everything_is_as_before_also_after_an_error(fails, repository, monkeypatch, capfd):
    monkeypatch.setenv("A_HOST_LIVES_HERE", "1")
    mine = types.ModuleType("models")
    inner = types.ModuleType("models.mine")
    monkeypatch.setitem(sys.modules, "models", mine)
    monkeypatch.setitem(sys.modules, "models.mine", inner)
    before = state()
    try:
        with isolated_imports(("models", "utils")):
            sys.path.insert(0, str(repository))
            import models.inner

            assert models.inner is not mine
            value = models.inner.value
            assert "models.mine" not in sys.modules
            if fails:
                raise RuntimeError
    except RuntimeError:
        assert fails
    assert state() == before
    assert sys.modules["models"] is mine and sys.modules["models.mine"] is inner
    assert value() == 42
    assert capfd.readouterr() == ("", "")


def test_modules_of_other_names_stay(repository):
    (repository / "a_module_that_stays.py").write_text("")
    try:
        with isolated_imports(("models",)):
            sys.path.insert(0, str(repository))
            import a_module_that_stays  # noqa: F401
        assert "a_module_that_stays" in sys.modules
    finally:
        sys.modules.pop("a_module_that_stays", None)
