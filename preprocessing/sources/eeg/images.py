"""From planned windows to the samples of a source: signal, features, map, grey levels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from preprocessing.raw_files.errors import Rejected, UnreadableError
from preprocessing.sources.base import Raw, Sample
from preprocessing.sources.eeg.electrodes import good
from preprocessing.sources.eeg.features import Features
from preprocessing.sources.eeg.levels import MOST_CLIPPED, OUTSIDE, clipped, levels
from preprocessing.sources.eeg.mne_import import mne
from preprocessing.sources.eeg.plan import Plan, Window
from preprocessing.sources.eeg.recording import Reader
from preprocessing.sources.eeg.topography import Topography, frame, topography
from preprocessing.sources.vocabulary import ordered

SIZE, MOST = 48, 512
FLAT = 1e-6
"""A channel is flat that moves less than this share of what the median channel does."""

COLUMNS = ("sequence",)


@dataclass(frozen=True)
class Look:
    """What images show.

    Attributes:
        features: the numbers at the electrodes.
        size: side in pixels.

    Raises:
        ValueError: a size out of range.
    """

    features: Features
    size: int = SIZE

    def __post_init__(self) -> None:
        if type(self.size) is not int or not 8 <= self.size <= MOST:
            raise ValueError(f"got size={self.size!r}: expected a whole number from 8 to {MOST}")

    def words(self) -> str:
        """All that decides a pixel, for the manifest."""
        shown = self.features
        return (
            f"topographic maps of {shown.name} ({', '.join(shown.channels)}); "
            f"{shown.low:g} to {shown.high:g} {shown.unit} are the levels 1 to 255 in every "
            f"recording, outside the head is {OUTSIDE}; nose up; interpolation of MNE "
            f"{mne().__version__}: cubic, extrapolated to the head, border mean"
        )


def raw_of(
    plans: Sequence[Plan],
    look: Look,
    words: str,
    identity: str = "",
    problems: Sequence[Rejected] = (),
) -> Raw:
    """The windows of all recordings as samples, recording after recording.

    Args:
        plans: the recordings with their windows.
        look: what the images show.
        words: what was read.
        identity: of the raw files, see `base.Raw`.
        problems: what comes after them.
    """
    labels = {_label(item) for one in plans for item in one.items}
    return Raw(
        ordered(labels - {""}),
        chain(_samples(plans, look), problems),
        length=sum(len(one.items) for one in plans) + len(problems),
        columns=COLUMNS,
        distribution=f"{words}; {look.words()}",
        identity=identity,
    )


def _label(item: Window | Rejected) -> str:
    return item.label if isinstance(item, Rejected) else item.trial.label


def _samples(plans: Sequence[Plan], look: Look) -> Iterator[Sample | Rejected]:
    radius = max((frame(info) for info in _different(plans)), default=None)
    before: tuple[bytes, Topography] | None = None
    for one in plans:
        info = mne().pick_info(one.recording.info, _picks(one))
        if before is None or before[0] != _places(info):  # drawing it takes a second
            before = _places(info), topography(info, look.size, radius)
        # Nothing else refers to the reader: what it holds goes with the last of its samples.
        reader = Reader(one.recording)
        for item in one.items:
            yield _sample(item, one, reader, before[1], look)


def _different(plans: Sequence[Plan]) -> list[Any]:
    return list({_places(one.recording.info): one.recording.info for one in plans}.values())


def _picks(one: Plan) -> list[int]:
    kept = set(good(one.recording.info))
    return [place for place, name in enumerate(one.recording.info["ch_names"]) if name in kept]


def _places(info: Any) -> bytes:
    return np.array([channel["loc"][:3] for channel in info["chs"]]).tobytes()


def _sample(
    item: Window | Rejected, one: Plan, reader: Reader, head: Topography, look: Look
) -> Sample | Rejected:
    if isinstance(item, Rejected):
        return item
    load = partial(image, reader, item, one, head, look)
    more = {"sequence": item.sequence}
    return Sample(load, item.trial.label, item.trial.subject, "", item.source, more)


def image(reader: Reader, window: Window, one: Plan, head: Topography, look: Look) -> np.ndarray:
    """The image of one window, uint8 (size, size, channels).

    Raises:
        UnreadableError: samples that are no numbers, electrodes that are flat, or half of the
            values out of range.
        ValueError: the features cannot be computed of such a window.
    """
    signal = reader(window.trial.block, window.start, window.stop)
    check(signal, good(one.recording.info))
    values = look.features.compute(signal, one.recording.rate)
    share = clipped(values, look.features)
    if share > MOST_CLIPPED:
        shown = look.features
        raise UnreadableError(
            "values out of range",
            f"{share:.0%} of {values.min():.1f} to {values.max():.1f} lie outside {shown.low:g} to "
            f"{shown.high:g} {shown.unit}: are they in volts, filtered and referenced? Or give "
            "--range",
        )
    return levels(head.maps(values), head.inside, look.features)


def check(signal: np.ndarray, names: Sequence[str]) -> None:
    """Refuse a window of which a map would show what nobody measured.

    Args:
        signal: (electrodes, samples).
        names: of the electrodes.

    Raises:
        UnreadableError: not a number, or flat; the message names the electrodes.
    """
    lost = ~np.isfinite(signal).all(axis=1)
    if lost.any():
        raise UnreadableError("not a number", ", ".join(np.array(names)[lost]))
    moves = np.ptp(signal, axis=1)
    flat = moves <= FLAT * np.median(moves)
    if flat.any():
        raise UnreadableError("flat electrode", ", ".join(np.array(names)[flat]))
