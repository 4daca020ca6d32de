"""Names and options of the augmentations, without Keras, for whoever only has to check them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from attention_fer.common.checks import one_of

Specification = tuple[tuple[str, tuple[tuple[str, Any], ...]], ...]
FILLS = ("constant", "nearest", "reflect", "wrap")
DIRECTIONS = ("horizontal", "vertical", "horizontal_and_vertical")


class Option(NamedTuple):
    """Its value where none is given, and what a value must be: in words, and as a test."""

    default: Any
    words: str
    test: Callable[[Any], bool]


def check(spec: Specification) -> None:
    """Raises ValueError, with the nearest name, for what `augmentation.build` cannot build."""
    for entry in spec:
        complete(entry)


def complete(entry: tuple[str, tuple[tuple[str, Any], ...]]) -> tuple[str, dict[str, Any]]:
    """An entry's name and all its options, those not given at their defaults.

    Raises:
        ValueError: an unknown name or option, an option given twice, or a value out of range.
    """
    if not (isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[1], tuple)):
        raise ValueError(
            f"An augmentation is a name and a tuple of (option, value) pairs, given: {entry!r}."
        )
    name, given = one_of("augmentation", entry[0], KNOWN), entry[1]
    options = KNOWN[name]
    for option, value in given:
        known = options[one_of(f"option of {name}", option, options)]
        if not known.test(value):
            raise ValueError(f"{option} of {name} must be {known.words}, given: {value!r}.")
    if len(dict(given)) < len(given):
        raise ValueError(f"An option of {name} is given twice: {given!r}.")
    return name, {**{key: option.default for key, option in options.items()}, **dict(given)}


def mixes(spec: Specification) -> bool:
    """Whether labels are mixed, and so become soft."""
    return any(name in MIXING for name, _ in spec)


def _number(value: Any) -> bool:
    real = isinstance(value, (int, float)) and not isinstance(value, bool)
    return real and math.isfinite(value)


def _within(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: _number(value) and low <= value <= high


def _pair(low: float, high: float) -> Callable[[Any], bool]:
    def test(value: Any) -> bool:
        two = isinstance(value, tuple) and len(value) == 2 and all(map(_number, value))
        return two and low <= value[0] <= value[1] <= high

    return test


def _fraction(default: float) -> Option:
    return Option(default, "from 0 to 1", _within(0, 1))


def _degrees(default: float, most: float) -> Option:
    return Option(default, f"degrees from 0 to {most}", _within(0, most))


def _whole(default: int) -> Option:
    return Option(default, "a whole number from 1", lambda x: type(x) is int and x >= 1)


def _choice(default: str, allowed: tuple[str, ...]) -> Option:
    return Option(default, f"one of {', '.join(allowed)}", lambda x: x in allowed)


_alpha = ("above 0 and finite", lambda x: _number(x) and x > 0)
_fill = _choice("constant", FILLS)
_p = _fraction(1.0)

MIXING = ("cutmix", "mixup")
# What they do: see `augmentation.build`.
KNOWN: dict[str, dict[str, Option]] = {
    "flip": {"direction": _choice("horizontal", DIRECTIONS)},
    "rotate": {"degrees": _degrees(10.0, 180), "fill": _fill, "p": _p},
    "translate": {"fraction": _fraction(0.1), "fill": _fill, "p": _p},
    "zoom": {
        "fraction": Option(0.1, "from 0 to below 1", lambda x: _number(x) and 0 <= x < 1),
        "fill": _fill,
        "p": _p,
    },
    "shear": {"fraction": _fraction(0.1), "fill": _fill, "p": _p},
    "affine": {
        "rotate": _degrees(0.0, 180),
        "translate": _fraction(0.0),
        "scale": Option((1.0, 1.0), "a pair from 0.01 to 100, rising", _pair(0.01, 100)),
        "shear": _degrees(0.0, 80),
        "fill": _fill,
        "p": _p,
    },
    "crop": {"padding": _whole(4), "fill": _fill, "p": _p},
    "erasing": {
        "area": Option((0.02, 0.33), "a pair from 0 to 1, rising", _pair(0, 1)),
        "value": Option(0.0, "from 0 to 1, or None", lambda x: x is None or _within(0, 1)(x)),
        "p": _fraction(0.5),
    },
    "cutout": {"fraction": _fraction(0.25), "p": _p},
    "mixup": {"alpha": Option(0.2, *_alpha), "p": _p},
    "cutmix": {"alpha": Option(1.0, *_alpha), "p": _p},
    "randaugment": {
        "operations": _whole(2),
        "magnitude": Option(9.0, "from 0 to 10", _within(0, 10)),
        "fill": _fill,
        "p": _p,
    },
    "solarize": {"threshold": _fraction(0.5), "p": _fraction(0.5)},
    "brightness": {"fraction": _fraction(0.2), "p": _p},
    "contrast": {"fraction": _fraction(0.2), "p": _p},
    "noise": {"deviation": _fraction(0.05), "p": _p},
}
