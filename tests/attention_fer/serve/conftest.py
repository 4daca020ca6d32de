"""A portrait, and a server whose detector needs no download."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from served import png, running

from attention_fer.predict import Predictor
from attention_fer.serve.limits import Limits

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
def whole() -> Predictor:
    return Predictor(detector="none")


@pytest.fixture(scope="session")
def address(predictor):
    """Of a server with small limits."""
    with running(predictor, Limits(megabytes=1, megapixels=2, seconds=20)) as found:
        yield found


@pytest.fixture(scope="session")
def photograph(portrait) -> bytes:
    return png(portrait)


@pytest.fixture(scope="session")
def empty() -> bytes:
    """A picture without a face."""
    return png(np.full((200, 300, 3), 90, np.uint8))
