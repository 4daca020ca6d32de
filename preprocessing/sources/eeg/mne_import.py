"""MNE-Python, which reads recordings and draws maps; imported where it is needed alone."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def mne() -> Any:
    """The module. Raises ImportError that says how to install it."""
    try:
        import mne as module
    except ImportError as error:
        raise ImportError(
            f'EEG is read and drawn with MNE-Python ({error}): pip install "attention-fer[eeg]"'
        ) from error
    return module


@contextmanager
def told() -> Iterator[list[str]]:
    """Collects what MNE warns of, each sentence once, instead of printing it."""
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with mne().use_log_level("warning"):
            yield texts
    texts += dict.fromkeys(" ".join(str(one.message).split()) for one in caught)
