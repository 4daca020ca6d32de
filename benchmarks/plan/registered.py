"""Names of the registered attention modules and backbones, known without loading Keras."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import attention_fer


def attentions() -> list[str]:
    """Names of the attention modules, sorted; those of users too, once their files are imported."""
    return _names("attention_fer.layers")


def backbones() -> list[str]:
    """Names of the backbones; those of users too, once their files are imported."""
    return _names("attention_fer.models")


def _names(package: str) -> list[str]:
    names = getattr(sys.modules.get(package), "names", None)
    return sorted(names() if names else _written(package))


@cache
def _written(package: str) -> tuple[str, ...]:
    """The names in `register("name")` in the package's files. Importing them would load Keras."""
    folder = Path(attention_fer.__file__).parents[1] / package.replace(".", "/")
    return tuple(name for path in folder.glob("*.py") for name in _registered(path))


def _registered(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            first = node.args[0] if node.func.id == "register" and node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value
