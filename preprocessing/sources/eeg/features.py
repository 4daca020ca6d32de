"""What a window's channels of signal become: a few numbers an electrode, each an image channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

BANDS = {
    "delta": (1.0, 4.0),
    "theta": (4.0, 8.0),
    "alpha": (8.0, 13.0),
    "beta": (13.0, 30.0),
    "gamma": (30.0, 45.0),
}
"""Hertz, the upper edge excluded."""

SEGMENT = 1.0  # seconds of a segment of Welch's method: bins of 1 Hz
SLICES = 5
MOST_SLICES = 64
_LEAST_POWER = 1e-30  # a band filtered away has a power of 0, which has no logarithm


@dataclass(frozen=True)
class Features:
    """How a window is described.

    Attributes:
        name: "bands" or "slices".
        channels: what each image channel shows.
        low, high: the values that become the darkest and the brightest level.
        unit: of the values.
        compute: ``compute(signal, rate)`` gives (channels, electrodes) of a signal in volts,
            (electrodes, samples) at so many samples a second. Raises ValueError where the window
            is too short, or the rate too low.
    """

    name: str
    channels: tuple[str, ...]
    low: float
    high: float
    unit: str
    compute: Callable[[np.ndarray, float], np.ndarray]


def bands(signal: np.ndarray, rate: float) -> np.ndarray:
    """Mean power density in each of `BANDS`, in dB of 1 uV²/Hz, (5, electrodes).

    Welch's method: Hann windows of a second that overlap by half, each without its mean.
    """
    from scipy.signal import welch

    length = min(signal.shape[-1], round(SEGMENT * rate))
    frequencies, power = welch(1e6 * signal, rate, nperseg=length)
    found = []
    for name, (low, high) in BANDS.items():
        chosen = (frequencies >= low) & (frequencies < high)
        if not chosen.any() or high > rate / 2:
            raise ValueError(
                f"{name} is {low:g} to {high:g} Hz: {signal.shape[-1]} samples at {rate:g} Hz have "
                f"no such frequencies: take longer windows, faster recordings, or slices"
            )
        found.append(power[:, chosen].mean(axis=-1))
    return 10 * np.log10(np.maximum(found, _LEAST_POWER))


def slices(signal: np.ndarray, rate: float, number: int = SLICES) -> np.ndarray:
    """Mean voltage in consecutive parts of the window, in uV, (number, electrodes).

    The parts differ by a sample where the window cannot be divided. No baseline is taken away.
    """
    if signal.shape[-1] < number:
        raise ValueError(f"a window of {signal.shape[-1]} samples has no {number} slices")
    parts = np.array_split(1e6 * signal, number, axis=-1)
    return np.stack([part.mean(axis=-1) for part in parts])


_BANDS = Features("bands", tuple(BANDS), -30.0, 40.0, "dB of 1 uV²/Hz", bands)
_SLICES = Features("slices", (), -50.0, 50.0, "uV", slices)
NAMES = ("bands", "slices")


def features(
    name: str = "bands",
    number: int | None = None,
    low_high: Sequence[float] | None = None,
) -> Features:
    """The features of that name.

    Args:
        name: "bands" or "slices".
        number: of slices; None for 5.
        low_high: the range of values that becomes that of pixels; None for -30 to 40 dB of bands,
            -50 to 50 uV of slices.

    Raises:
        ValueError: an unknown name, or numbers out of range.
    """
    if name not in NAMES:
        raise ValueError(f"got features={name!r}: expected {' or '.join(NAMES)}")
    if name == "bands" and number is not None:
        raise ValueError(f"got slices={number} with bands: give --features slices too")
    number = SLICES if number is None else number
    if not 1 <= number <= MOST_SLICES:
        raise ValueError(f"got slices={number}: expected 1 to {MOST_SLICES}")
    found = _BANDS
    if name == "slices":
        labels = tuple(f"slice {place}" for place in range(1, number + 1))
        found = replace(_SLICES, channels=labels, compute=partial(slices, number=number))
    if low_high is None:
        return found
    low, high = map(float, low_high)
    if not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(f"got range={low:g} {high:g}: expected the lower number first")
    return replace(found, low=low, high=high)
