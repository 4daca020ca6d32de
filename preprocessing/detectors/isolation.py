"""Runs third-party code in isolation and restores the global state it changed."""

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
def isolated_imports(packages: Collection[str]) -> Iterator[None]:
    """Frees the top-level module names `packages` for what the block imports.

    Modules already imported under these names are restored afterwards. Modules that the block
    imports under them are removed from `sys.modules`; objects made from them keep working. The
    import path, environment, OpenCV's threads, NumPy's print options, the root logger and warning
    filters are restored as well. Output and log messages of the block are hidden. Not thread-safe.
    """
    before = _pop_modules(packages)
    path, environment = list(sys.path), dict(os.environ)
    threads = cv2.getNumThreads()
    root, disabled = logging.getLogger(), logging.root.manager.disable
    handlers, level = list(root.handlers), root.level
    logging.disable(logging.CRITICAL)
    try:
        silent = contextlib.redirect_stdout(io.StringIO())
        with warnings.catch_warnings(), np.printoptions(), silent:
            warnings.simplefilter("ignore")
            yield
    finally:
        _pop_modules(packages)
        sys.modules.update(before)
        sys.path[:] = path
        _restore_environment(environment)
        cv2.setNumThreads(threads)
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.disable(disabled)


def _pop_modules(packages: Collection[str]) -> dict[str, ModuleType]:
    """Removes the packages and everything below them from `sys.modules` and returns them."""
    names = [name for name in sys.modules if name.partition(".")[0] in packages]
    return {name: sys.modules.pop(name) for name in names}


def _restore_environment(environment: dict[str, str]) -> None:
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    os.environ.update(environment)
