"""The names of the expressions, one order for all datasets so that models transfer."""

from __future__ import annotations

from collections.abc import Iterable

BASIC = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""FER2013's classes in the order of its labels."""

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
    """Whether a folder of that name holds one expression, under whatever usual name."""
    return _meaning(name) in WITH_CONTEMPT


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Names of classes in canonical order if all are expressions, else sorted.

    They stay as they are: "Happiness" takes the place of "happy" and keeps its name.
    """
    given = sorted(names)
    if not all(map(is_expression, given)):
        return tuple(given)
    return tuple(sorted(given, key=lambda name: WITH_CONTEMPT.index(_meaning(name))))


def _meaning(name: str) -> str:
    return _ALSO.get(name.lower(), name.lower())
