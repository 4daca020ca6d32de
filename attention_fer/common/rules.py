"""Rules for the values of options: a default, what is allowed, and an error that says both.

A frozen dataclass states one rule per field and checks them all when it is created:

    @dataclass(frozen=True)
    class Recipe:
        epochs: int = field(whole(200, at_least=1))

        def __post_init__(self) -> None:
            check_fields(self)
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from attention_fer.common.checks import one_of


@dataclasses.dataclass(frozen=True)
class Rule:
    """What one option may be.

    Attributes:
        default: its value where none is given.
        expected: completes "must be ...".
        test: whether a value is allowed.
        choices: the allowed names, where these are all there is.
    """

    default: Any
    expected: str
    test: Callable[[Any], bool]
    choices: tuple[str, ...] = ()

    def check(self, name: str, value: Any) -> Any:
        """Returns `value` in the form in which it is compared, or raises ValueError.

        Lists become tuples, NumPy's numbers become Python's, and whole numbers become floats where
        the default is a float.
        """
        value = as_tuples(value)
        if type(value) is int and isinstance(self.default, float):
            value = float(value)
        if self.choices:
            return one_of(name, value, self.choices)
        if not self.test(value):
            raise ValueError(f"{name} must be {self.expected}, got {value!r}.")
        return value


def number(default: float | None, **limits: float) -> Rule:
    """A finite real number; see `_limited` for the limits."""
    return _limited(default, "a finite number", is_number, limits)


def whole(default: int | None, **limits: float) -> Rule:
    """A whole number, or None where that is the default; see `_limited` for the limits."""
    return _limited(default, "a whole number", lambda value: type(value) is int, limits)


def choice(default: str, allowed: tuple[str, ...]) -> Rule:
    """One of some names."""
    return Rule(default, "", lambda value: value in allowed, allowed)


def flag(default: bool) -> Rule:
    """True or False."""
    return Rule(default, "True or False", lambda value: isinstance(value, bool))


def field(rule: Rule) -> Any:
    """A dataclass field with the default of a rule, which `check_fields` finds there."""
    return dataclasses.field(default=rule.default, metadata={"rule": rule})


def check_fields(instance: Any) -> None:
    """Checks every field that has a rule, and stores each value as `Rule.check` returns it.

    Raises:
        ValueError: a value of another type or out of range.
    """
    kind: Any = type(instance)  # a class is hashable, whatever mypy says
    for name, rule in _rules(kind):
        given = getattr(instance, name)
        value = rule.check(name, given)
        if value is not given:
            object.__setattr__(instance, name, value)


def as_tuples(value: Any) -> Any:
    """Lists, as JSON and command lines have them, as tuples, and NumPy's numbers as Python's."""
    if isinstance(value, (list, tuple)):
        return tuple(map(as_tuples, value))
    return value.item() if isinstance(value, np.generic) else value


def is_number(value: Any) -> bool:
    """Whether a value is a finite int or float."""
    return type(value) in (int, float) and math.isfinite(value)


@cache
def _rules(kind: Any) -> tuple[tuple[str, Rule], ...]:
    found = ((one.name, one.metadata.get("rule")) for one in dataclasses.fields(kind))
    return tuple((name, rule) for name, rule in found if rule is not None)


_LIMITS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "above": ("above", lambda value, limit: value > limit),
    "at_least": ("of at least", lambda value, limit: value >= limit),
    "at_most": ("of at most", lambda value, limit: value <= limit),
    "below": ("below", lambda value, limit: value < limit),
}


def _limited(
    default: Any, kind: str, is_kind: Callable[[Any], bool], limits: dict[str, float]
) -> Rule:
    """A rule for numbers: `above`, `at_least`, `at_most` and `below` limit them."""
    tests = [(_LIMITS[name][1], limit) for name, limit in limits.items()]
    words = " and ".join(f"{_LIMITS[name][0]} {limit:g}" for name, limit in limits.items())
    optional = default is None

    def test(value: Any) -> bool:
        if value is None:
            return optional
        return is_kind(value) and all(within(value, limit) for within, limit in tests)

    return Rule(default, f"{kind} {words}".strip() + (" or None" if optional else ""), test)
