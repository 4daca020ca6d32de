"""The names of the expressions, in one order for all datasets so that models transfer."""

from __future__ import annotations

from collections.abc import Iterable

BASIC = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""FER2013's classes, in the order of its labels."""

WITH_CONTEMPT = (*BASIC, "contempt")

_ALSO = {
    "anger": "angry",
    "disgusted": "disgust",
    "fearful": "fear",
    "happiness": "happy",
    "sadness": "sad",
    "surprised": "surprise",
}


def is_expression(name: str) -> bool:
    """Whether a name, or one of its usual variants, is an expression."""
    return _canonical(name) in WITH_CONTEMPT


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Sorts class names in canonical order if all are expressions, else alphabetically.

    Names are not changed: "Happiness" takes the place of "happy" and keeps its name.
    """
    given = sorted(names)
    if not all(map(is_expression, given)):
        return tuple(given)
    return tuple(sorted(given, key=lambda name: WITH_CONTEMPT.index(_canonical(name))))


def _canonical(name: str) -> str:
    return _ALSO.get(name.lower(), name.lower())
