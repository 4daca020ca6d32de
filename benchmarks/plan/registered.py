"""Names of the registered attention modules and backbones, found without loading Keras."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import attention_fer


def attentions() -> list[str]:
    """Return the attention modules' names, sorted; users' modules once their files are imported.

    Combinators are left out: they need the modules that they combine.
    """
    return _names("attention_fer.layers")


def backbones() -> list[str]:
    """Return the backbones' names, sorted; users' backbones once their files are imported."""
    return _names("attention_fer.models")


def _names(package: str) -> list[str]:
    names = getattr(sys.modules.get(package), "names", None)
    return sorted(names() if names else _names_in_source(package))


@cache
def _names_in_source(package: str) -> tuple[str, ...]:
    """Return the names in `register("name")` in the source, since an import would load Keras."""
    folder = Path(attention_fer.__file__).parents[1] / package.replace(".", "/")
    return tuple(name for path in folder.glob("*.py") for name in _registrations(path))


def _registrations(path: Path) -> Iterator[str]:
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.ClassDef) and "Combinator" in map(ast.unparse, node.bases):
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            first = node.args[0] if node.func.id == "register" and node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value
