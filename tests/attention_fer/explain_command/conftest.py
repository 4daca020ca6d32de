"""A stored network with its card, and pictures of its two classes."""

import json

import numpy as np
import pytest

Image = pytest.importorskip("PIL.Image")

from explained import network  # noqa: E402


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cell")
    network().save(folder / "model.keras")
    card = {"classes": ["dark", "bright"], "input": "uint8 pixels"}
    (folder / "model.json").write_text(json.dumps(card), encoding="utf-8")
    return folder


@pytest.fixture
def faces(tmp_path):
    rng = np.random.default_rng(0)
    for name, low in (("bright", 200), ("dark", 0)):
        (tmp_path / "faces" / name).mkdir(parents=True)
        for number in range(3):
            pixels = rng.integers(low, low + 40, (8, 8), "uint8")
            Image.fromarray(pixels).save(tmp_path / "faces" / name / f"{number}.png")
    return tmp_path / "faces"
