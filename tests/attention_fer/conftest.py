"""Frees Keras's global state after each test file, so that many networks fit into memory."""

import gc

import keras
import pytest


@pytest.fixture(scope="module", autouse=True)
def _forget_networks():
    yield
    keras.backend.clear_session()
    gc.collect()


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(0)
