"""Features of a window: a few numbers per electrode, each of which becomes an image channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from attention_fer.common.checks import one_of

BANDS = {
    "delta": (1.0, 4.0),
    "theta": (4.0, 8.0),
    "alpha": (8.0, 13.0),
    "beta": (13.0, 30.0),
    "gamma": (30.0, 45.0),
}
"""Hertz, without the upper edge."""

NAMES = ("bands", "slices")
SEGMENT = 1.0  # seconds of a segment of Welch's method: bins of 1 Hz
SLICES, MOST_SLICES = 5, 64
SIZE, MOST_SIZE = 48, 512
_LEAST_POWER = 1e-30  # a band that was filtered out has no power, and 0 has no logarithm


@dataclass(frozen=True)
class Features:
    """How a window is described and drawn.

    Attributes:
        name: "bands" or "slices".
        channels: what each image channel shows.
        low, high: values of the darkest and the brightest level.
        unit: unit of the values.
        compute: `compute(signal, rate)` returns (channels, electrodes) from volts, (electrodes,
            samples), at `rate` samples per second. Raises ValueError if the window is too short or
            the rate too low.
        size: side of the image in pixels.
    """

    name: str
    channels: tuple[str, ...]
    low: float
    high: float
    unit: str
    compute: Callable[[np.ndarray, float], np.ndarray]
    size: int = SIZE


def bands(signal: np.ndarray, rate: float) -> np.ndarray:
    """Return the mean power density in each of `BANDS`, in dB of 1 uV²/Hz, (5, electrodes).

    Welch's method: Hann windows of one second that overlap by half, each without its mean.
    """
    from scipy.signal import welch

    length = min(signal.shape[-1], round(SEGMENT * rate))
    frequencies, power = welch(1e6 * signal, rate, nperseg=length)
    found = []
    for name, (low, high) in BANDS.items():
        chosen = (frequencies >= low) & (frequencies < high)
        if not chosen.any() or high > rate / 2:
            raise ValueError(
                f"{name} is {low:g} to {high:g} Hz, not resolved by {signal.shape[-1]} samples at "
                f"{rate:g} Hz. Use longer windows, faster recordings, or slices."
            )
        found.append(power[:, chosen].mean(axis=-1))
    return 10 * np.log10(np.maximum(found, _LEAST_POWER))


def slices(signal: np.ndarray, rate: float, number: int = SLICES) -> np.ndarray:
    """Return the mean voltage in consecutive parts of the window, in uV, (number, electrodes).

    Lengths of the parts differ by at most one sample. No baseline is subtracted.
    """
    if signal.shape[-1] < number:
        raise ValueError(f"slices must be at most the {signal.shape[-1]} samples, got {number}.")
    parts = np.array_split(1e6 * signal, number, axis=-1)
    return np.stack([part.mean(axis=-1) for part in parts])


def features(
    name: str = "bands",
    number: int | None = None,
    low_high: Sequence[float] | None = None,
    size: int = SIZE,
) -> Features:
    """Return the features of a name.

    Args:
        name: "bands" or "slices".
        number: number of slices; None for 5.
        low_high: values of the darkest and the brightest level; None for -30 to 40 dB of bands, -50
            to 50 uV of slices.
        size: side of the images in pixels.

    Raises:
        ValueError: The name is unknown, or a number is out of range.
    """
    one_of("features", name, NAMES)
    if name == "bands" and number is not None:
        raise ValueError(f"slices={number} has no effect on bands: give --features slices too.")
    number = SLICES if number is None else number
    if not 1 <= number <= MOST_SLICES:
        raise ValueError(f"slices must be from 1 to {MOST_SLICES}, got {number}.")
    if type(size) is not int or not 8 <= size <= MOST_SIZE:
        raise ValueError(f"size must be a whole number from 8 to {MOST_SIZE}, got {size!r}.")
    found = Features("bands", tuple(BANDS), -30.0, 40.0, "dB of 1 uV²/Hz", bands)
    if name == "slices":
        labels = tuple(f"slice {place}" for place in range(1, number + 1))
        found = Features("slices", labels, -50.0, 50.0, "uV", partial(slices, number=number))
    low, high = map(float, low_high or (found.low, found.high))
    if not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(f"range must be two numbers, the lower one first, got {low:g} {high:g}.")
    return replace(found, low=low, high=high, size=size)
