"""Importing a user's Python file under its own name."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

_IMPORTED: set[str] = set()  # names that `import_file` gave


def import_file(path: str | Path) -> ModuleType:
    """Runs a Python file as the module of its name: `mine.py` becomes `mine`.

    Classes that it registers with Keras are saved under that name, so that `import mine` finds
    them again. The file is run anew at each call.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: its name is not that of a module or belongs to another module, or it fails.
    """
    path = Path(path).resolve()
    if not path.is_file():
        raise FileNotFoundError(f"No file {path}.")
    name = path.stem
    if path.suffix != ".py" or not name.isidentifier():
        raise ValueError(
            f"{path} cannot be imported: its name must be that of a Python module, such as mine.py."
        )
    _check_free(name, path)
    _IMPORTED.add(name)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise ValueError(
            f"{path} could not be run: {type(error).__name__}: {error} "
            f"({place.filename}, line {place.lineno})"
        ) from error
    return module


def _check_free(name: str, path: Path) -> None:
    """Raises ValueError where `import name` would give another module."""
    loaded = sys.modules.get(name)
    if loaded is not None and name in _IMPORTED:
        return
    if loaded is not None:
        origin = getattr(loaded, "__file__", None)
    else:
        found = importlib.util.find_spec(name)
        origin = found.origin if found else str(path)
    if origin is None or Path(origin).resolve() != path:
        raise ValueError(f"{path} has the name of another module, {name} ({origin}): rename it.")
