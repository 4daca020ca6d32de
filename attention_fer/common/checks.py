"""Argument checks whose errors say what was given, what is allowed and what was probably meant."""

from __future__ import annotations

import difflib
import math
import numbers
import operator
from collections.abc import Iterable
from typing import Any


def one_of(what: str, given: Any, allowed: Iterable[str]) -> str:
    """Returns `given` if it is one of `allowed`.

    Raises:
        ValueError: naming `given`, every allowed value and the nearest of them.
    """
    allowed = list(allowed)
    if isinstance(given, str) and given in allowed:
        return given
    near = difflib.get_close_matches(str(given).lower(), allowed, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    choices = ", ".join(repr(name) for name in allowed)
    raise ValueError(f"Unknown {what}: {given!r}. Allowed: {choices}.{hint}")


def positive_int(what: str, given: Any) -> int:
    """Returns `given` as an int if it is a whole number of at least 1, else raises ValueError."""
    if not isinstance(given, bool) and hasattr(given, "__index__") and operator.index(given) >= 1:
        return operator.index(given)
    raise ValueError(f"{what} must be an integer of at least 1, got {given!r}.")


def odd_int(what: str, given: Any) -> int:
    """Returns `given` as an int if it is odd and positive, else raises ValueError."""
    size = positive_int(what, given)
    if size % 2 == 0:
        raise ValueError(
            f"{what} must be odd, so that the window has a centre, got {size}. "
            f"The nearest are {size - 1} and {size + 1}."
        )
    return size


def reduced_channels(channels: int, reduction_ratio: int) -> int:
    """Width of a bottleneck, `channels // reduction_ratio`; ValueError where that would be 0."""
    if reduction_ratio > channels:
        raise ValueError(
            f"reduction_ratio must not exceed the number of channels, got ratio "
            f"{reduction_ratio} for {channels} channels. Use a ratio from 1 to {channels}."
        )
    return channels // reduction_ratio


def channel_divisor(
    what: str, given: Any, channels: int, parts: int = 1, most: int | None = None
) -> int:
    """Returns `given` as an int if `parts * given` divides the number of channels.

    Raises:
        ValueError: it does not, or `given` is no positive integer; naming the numbers that would
            do, up to `most`.
    """
    number = positive_int(what, given)
    if channels % (parts * number):
        good = [n for n in range(1, (most or channels) + 1) if channels % (parts * n) == 0]
        times = f"{parts} times {what}" if parts > 1 else what
        advice = f"Use one of {', '.join(map(str, good))}." if good else f"No value of {what} does."
        raise ValueError(
            f"{times} must divide the number of channels, got {number} for {channels} channels. "
            f"{advice}"
        )
    return number


def positive_float(what: str, given: Any) -> float:
    """Returns `given` as a float if it is finite and above 0, else raises ValueError."""
    number = float(given) if isinstance(given, numbers.Real) else math.nan
    if isinstance(given, bool) or not 0 < number < math.inf:
        raise ValueError(f"{what} must be a number above 0, got {given!r}.")
    return number
