"""A portrait, pictures made of it, and a predictor whose detector needs no download."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attention_fer.predict import Predictor

FIXTURE = Path(__file__).parents[2] / "fixtures" / "astronaut.jpg"


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    """uint8 (256, 256, 3) RGB, one smiling face at about x 93, y 50, 78 pixels wide."""
    with Image.open(FIXTURE) as image:
        return np.asarray(image.convert("RGB"))


@pytest.fixture(scope="session")
def predictor() -> Predictor:
    return Predictor(detector="cascade")


@pytest.fixture(scope="session")
def cropped() -> Predictor:
    """For pictures that are faces already."""
    return Predictor(detector="none")


@pytest.fixture
def photographs(tmp_path, portrait) -> Path:
    """A folder: three faces in it, one below it, a picture without a face, two broken files."""
    folder = tmp_path / "photographs"
    (folder / "sub").mkdir(parents=True)
    picture = Image.fromarray(portrait)
    picture.save(folder / "b.png")
    picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "a.png")
    Image.fromarray(np.hstack([portrait, portrait])).save(folder / "two.png")
    picture.save(folder / "sub" / "笑顔 😀, =1.png")
    Image.new("RGB", (300, 200), "steelblue").save(folder / "empty.png")
    (folder / "cut.jpg").write_bytes(FIXTURE.read_bytes()[:3000])
    (folder / "text.jpg").write_text("no picture")
    (folder / "notes.txt").write_text("left out")
    return folder
