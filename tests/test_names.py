"""One name has one meaning: a class or type is defined once in the whole project."""

import ast
from collections import defaultdict
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PACKAGES = ("attention_fer", "preprocessing", "benchmarks")


def defined(path):
    """Public classes and type aliases at the top level of a file."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign) and isinstance(node.value, (ast.Subscript, ast.BinOp)):
            yield from (t.id for t in node.targets if isinstance(t, ast.Name) and t.id[0].isupper())


def test_no_public_class_or_type_has_two_definitions():
    places = defaultdict(set)
    for package in PACKAGES:
        for path in (PROJECT / package).rglob("*.py"):
            for name in defined(path):
                if not name.startswith("_") and not name.isupper():
                    places[name].add(str(path.relative_to(PROJECT)))
    assert len(places) > 100
    assert {name: sorted(found) for name, found in places.items() if len(found) > 1} == {}
