"""Maps of the head: those of MNE, only faster."""

from __future__ import annotations

import mne
import numpy as np
import pytest
from eeg_recordings import NAMES, info
from matplotlib.figure import Figure

from preprocessing.sources.eeg.electrodes import HEAD, frame, topography

SIZE = 32


def drawn(values, where, **options):
    """MNE's own picture, with whatever it does by itself, the nose at the top."""
    axes = Figure().add_subplot()
    image, _ = mne.viz.plot_topomap(values, where, axes=axes, res=SIZE, show=False, **options)
    return np.ma.filled(image.get_array(), np.nan)[::-1]


def larger(factor):
    """The electrodes of a larger head."""
    found = info()
    for channel in found["chs"]:
        channel["loc"][:3] *= factor
    return found


def farthest():
    """Distance of the outermost electrode from the middle of the map, in metres."""
    places = np.array([channel["loc"][:3] for channel in info()["chs"]])
    distance = np.linalg.norm(places, axis=1)
    return (distance * np.arccos(places[:, 2] / distance) / (np.pi / 2)).max()


@pytest.fixture(scope="module")
def head():
    return topography(info(), SIZE)


@pytest.fixture(scope="module")
def values():
    return 10 * np.random.default_rng(0).standard_normal((3, 2, len(NAMES)))


def test_a_map_is_the_one_that_mne_draws_by_itself(head, values):
    maps = head.maps(values)
    assert maps.shape == (3, 2, SIZE, SIZE)
    for one, row in zip(maps.reshape(-1, SIZE, SIZE), values.reshape(-1, len(NAMES)), strict=True):
        apart = np.abs(one - drawn(row, info()))[head.inside]
        assert apart.max() < 1e-6 * np.ptp(row)


def test_nothing_is_drawn_outside_the_circle_and_everything_inside(head, values):
    centres = np.linspace(-1, 1, SIZE)
    distance = np.hypot(centres, centres[:, None])
    assert head.inside[distance < 0.99].all() and not head.inside[distance > 1.01].any()
    assert (head.maps(values)[..., ~head.inside] == 0).all()
    np.testing.assert_allclose(head.maps(np.ones(len(NAMES)))[head.inside], 1)


@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [("F7", (0, 16), (0, 16)), ("O2", (16, 32), (16, 32)), ("T8", (8, 24), (22, 32))],
)
def test_the_nose_is_at_the_top_and_the_left_ear_at_the_left(head, name, rows, columns):
    one = head.maps(np.eye(len(NAMES))[NAMES.index(name)])
    row, column = np.unravel_index(one.argmax(), one.shape)
    assert rows[0] <= row < rows[1] and columns[0] <= column < columns[1]


def test_the_frame_grows_with_electrodes_outside_the_head():
    assert frame(info()) == HEAD
    assert frame(larger(1.5)) == pytest.approx(1.01 * 1.5 * farthest(), rel=1e-3)


def test_in_a_common_frame_a_map_is_that_of_mne_for_a_head_so_large(values):
    inner = info(["F3", "F4", "C3", "C4", "Cz"])
    radius = frame(larger(1.5))
    head = topography(inner, SIZE, radius)
    row = values[0, 0, :5]
    apart = np.abs(head.maps(row) - drawn(row, inner, sphere=radius))[head.inside]
    assert apart.max() < 1e-6 * np.ptp(row)
