"""MNE-Python, which reads recordings and draws maps; imported only when needed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def mne() -> Any:
    """Return the module. Raises ImportError with the command that installs it."""
    try:
        import mne as module
    except ImportError as error:
        raise ImportError(
            f'EEG needs MNE-Python ({error}). Run pip install "attention-fer[eeg]".'
        ) from error
    return module


@contextmanager
def recorded_warnings() -> Iterator[list[str]]:
    """Collect MNE's warnings, each text once, instead of printing them."""
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with mne().use_log_level("warning"):
            yield texts
    texts += dict.fromkeys(" ".join(str(one.message).split()) for one in caught)
