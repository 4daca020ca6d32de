"""Runs code that expects to own the process, and takes back what it changed."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Collection, Iterator
from types import ModuleType

import cv2
import numpy as np


@contextlib.contextmanager
def guest(packages: Collection[str]) -> Iterator[None]:
    """Within the block the top-level names `packages` are free for whatever it imports.

    Modules of these names that were imported before are set aside and come back afterwards; those
    of the block go, though its objects keep working. Import path, environment, OpenCV's threads,
    NumPy's print options, the root logger and warning filters become what they were. What the
    block prints and logs is not shown. Not for two threads at a time.
    """
    aside = _take(packages)
    path, environment = list(sys.path), dict(os.environ)
    threads, printing = cv2.getNumThreads(), np.get_printoptions()
    root, disabled = logging.getLogger(), logging.root.manager.disable
    handlers, level = list(root.handlers), root.level
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        _take(packages)
        sys.modules.update(aside)
        sys.path[:] = path
        _restore(environment)
        cv2.setNumThreads(threads)
        np.set_printoptions(**printing)
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.disable(disabled)


def _take(packages: Collection[str]) -> dict[str, ModuleType]:
    """Remove the packages and everything in them from the imported modules."""
    names = [name for name in sys.modules if name.partition(".")[0] in packages]
    return {name: sys.modules.pop(name) for name in names}


def _restore(environment: dict[str, str]) -> None:
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    os.environ.update(environment)
