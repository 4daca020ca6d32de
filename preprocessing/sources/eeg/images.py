"""From planned windows to the samples of a source: signal, features, map, grey levels.

A value becomes the same grey level in every recording, subject and split: the range is fixed in
advance and not measured, so that nothing of a test recording reaches the training images. The price
is that amplifiers and skulls differ visibly, and a network has to cope with that, as with a new
person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from preprocessing.raw_files.errors import Rejected, UnreadableError
from preprocessing.sources.base import Raw, Sample
from preprocessing.sources.eeg.electrodes import good, positions
from preprocessing.sources.eeg.epochs import Reader, Recording, Segment
from preprocessing.sources.eeg.features import Features
from preprocessing.sources.eeg.mne_import import mne
from preprocessing.sources.eeg.topography import Topography, frame, topography
from preprocessing.sources.vocabulary import ordered

FLAT = 1e-6
"""A channel is flat if its range is below this share of the median channel's."""

OUTSIDE = 0
"""Level of the pixels outside the head; those inside have 1 to 255."""

MOST_CLIPPED = 0.5
"""Largest share of the values at electrodes that may lie outside the range."""

COLUMNS = ("sequence",)
OPTIONS = ("window", "step", "features", "slices", "value_range", "size")
"""Options that all sources of EEG have."""


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
    """Reject a window whose map would show what nobody measured.

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
