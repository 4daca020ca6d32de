"""From planned windows to the samples of a source: signal, features, map, grey levels.

Features are a few numbers per electrode, each of which becomes an image channel. A value becomes
the same grey level in every recording, subject and split: the range is fixed in advance and not
measured, so no information from a test recording reaches the training images. The price is that
amplifiers and skulls differ visibly, and a network has to cope with that, as with a new person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from attention_fer.common.checks import one_of
from attention_fer.common.class_names import ordered
from preprocessing.raw_files.files import Rejected, UnreadableError
from preprocessing.sources.base import Raw, Sample
from preprocessing.sources.eeg.electrodes import Topography, frame, good, mne, positions, topography
from preprocessing.sources.eeg.epochs import Reader, Recording, Segment

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


def features_of(
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


FLAT = 1e-6
"""A channel is flat if its range is below this share of the median channel's."""

OUTSIDE = 0
"""Level of the pixels outside the head; those inside have 1 to 255."""

MOST_CLIPPED = 0.5
"""Largest share of the values at electrodes that may lie outside the range."""

COLUMNS = ("sequence",)


def raw_of(
    recordings: Sequence[Recording],
    look: Features,
    words: str,
    identity: str = "",
    problems: Sequence[Rejected] = (),
) -> Raw:
    """Return the windows of all recordings as samples, recording after recording.

    Args:
        recordings: as `epochs.plan` returns them.
        look: what the images show and how.
        words: what was read.
        identity: identity of the raw files, see `base.Raw`.
        problems: rejected files, which come last.
    """
    items = [item for one in recordings for item in one.items]
    return Raw(
        ordered({item.label for item in items} - {""}),
        chain(_samples(recordings, look), problems),
        length=len(items) + len(problems),
        columns=COLUMNS,
        distribution=f"{words}; {_words(look)}",
        identity=identity,
    )


def _words(look: Features) -> str:
    """Describe everything that decides a pixel."""
    return (
        f"topographic maps of {look.name} ({', '.join(look.channels)}); {look.low:g} to "
        f"{look.high:g} {look.unit} are the levels 1 to 255 in every recording, outside the head "
        f"is {OUTSIDE}; nose up; interpolation of MNE {mne().__version__}: cubic, extrapolated to "
        "the head, border mean"
    )


def _samples(recordings: Sequence[Recording], look: Features) -> Iterator[Sample | Rejected]:
    infos = {positions(one.info).tobytes(): one.info for one in recordings}
    radius = max(map(frame, infos.values()), default=None)  # all are drawn in the largest frame
    drawn: tuple[bytes, Topography] | None = None
    for one in recordings:
        picks = [one.info["ch_names"].index(name) for name in good(one.info)]
        info = mne().pick_info(one.info, picks)
        places = positions(info).tobytes()
        if drawn is None or drawn[0] != places:  # drawing takes a second
            drawn = places, topography(info, look.size, radius)
        # Nothing else refers to the reader, so its signal is freed with the last of its samples.
        reader = Reader(one)
        for item in one.items:
            if isinstance(item, Rejected):
                yield item
                continue
            load = partial(image, reader, item, info, drawn[1], look)
            more = {"sequence": item.sequence}
            yield Sample(load, item.label, item.subject, "", item.source, more)


def image(
    reader: Reader, window: Segment, info: Any, head: Topography, features: Features
) -> np.ndarray:
    """Return the image of one window, uint8 (size, size, channels).

    Raises:
        UnreadableError: Samples are not numbers, electrodes are flat, or half of the values are out
            of range.
        ValueError: The features cannot be computed from such a window.
    """
    signal = reader(window.number, window.start, window.stop)
    check(signal, info["ch_names"])
    values = features.compute(signal, info["sfreq"])
    low, high = features.low, features.high
    share = np.mean((values < low) | (values > high))
    if share > MOST_CLIPPED:
        raise UnreadableError(
            "values out of range",
            f"{share:.0%} of {values.min():.1f} to {values.max():.1f} lie outside {low:g} to "
            f"{high:g} {features.unit}: check that they are volts, filtered and referenced, or "
            "give --range",
        )
    return levels(head.maps(values), head.inside, features)


def check(signal: np.ndarray, names: Sequence[str]) -> None:
    """Reject a window whose map would show something that was not measured.

    Args:
        signal: (electrodes, samples).
        names: names of the electrodes.

    Raises:
        UnreadableError: Samples are not numbers, or electrodes flat; the message names the
            electrodes.
    """
    moves = np.ptp(signal, axis=1)
    for reason, wrong in (
        ("not a number", ~np.isfinite(signal).all(axis=1)),
        ("flat electrode", moves <= FLAT * np.median(moves)),
    ):
        if wrong.any():
            raise UnreadableError(reason, ", ".join(np.array(names)[wrong]))


def levels(maps: np.ndarray, inside: np.ndarray, features: Features) -> np.ndarray:
    """Convert maps to grey levels, uint8 (height, width, channels).

    Linear from `features.low`, 1, to `features.high`, 255; values outside are clipped.

    Args:
        maps: float (channels, height, width).
        inside: bool (height, width), the pixels of the head.
    """
    share = (maps - features.low) / (features.high - features.low)
    shown = 1 + np.rint(254 * np.clip(share, 0, 1))
    return np.moveaxis(np.where(inside, shown, OUTSIDE), 0, -1).astype(np.uint8)
