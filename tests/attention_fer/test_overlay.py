"""Colours whose lightness grows evenly, overlays by hand, and pages that show what they should."""

import os
import subprocess
import sys

import numpy as np
import pytest

from attention_fer.explain import gallery, overlay
from attention_fer.explain.drawing.overlay import COLORMAPS, apply_colormap

pytestmark = pytest.mark.slow  # builds networks

Image = pytest.importorskip("PIL.Image")


def lightness(colours):
    """CIE L* of sRGB colours."""
    share = colours / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126729, 0.7151522, 0.0721750]
    cube = np.where(
        luminance > (6 / 29) ** 3, np.cbrt(luminance), luminance / 3 / (6 / 29) ** 2 + 4 / 29
    )
    return 116 * cube - 16


@pytest.mark.parametrize("name", COLORMAPS)
def test_lightness_grows_evenly(name):
    values = np.linspace(0, 1, 101)
    light = lightness(apply_colormap(values, name).astype("float64"))
    straight = np.linspace(light[0], light[-1], 101)
    assert light[-1] - light[0] > 70
    assert (np.diff(light) > 0).all()
    assert np.abs(light - straight).max() < 6  # both are even in CAM02-UCS, not quite in CIELAB


@pytest.mark.parametrize("name", COLORMAPS)
def test_colours_are_matplotlibs(name):
    matplotlib = pytest.importorskip("matplotlib")
    expected = np.array(matplotlib.colormaps[name].colors) * 255
    found = apply_colormap(np.linspace(0, 1, 256), name).astype("float64")
    assert np.abs(found - expected).max() < 3


def test_an_overlay_by_hand():
    grey = np.array([[0, 100], [200, 255]], "uint8")
    heat = np.array([[0, 1], [0.5, 0]])
    low, middle, high = (apply_colormap(value, "viridis").astype(float) for value in (0, 0.5, 1))
    expected = [[0.25 * low, 75 + 0.25 * high], [150 + 0.25 * middle, 191.25 + 0.25 * low]]
    found = overlay(grey, heat, alpha=0.25)
    assert found.dtype == np.uint8
    np.testing.assert_allclose(found, expected, atol=0.51)
    np.testing.assert_array_equal(overlay(grey[..., None], heat, 0.25), found)
    colour = np.stack([grey, 255 - grey, grey // 2], axis=-1)
    np.testing.assert_array_equal(overlay(colour, heat, alpha=0), colour)
    np.testing.assert_array_equal(
        overlay(colour, heat, 1, "inferno"), apply_colormap(heat, "inferno")
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image": np.zeros((2, 2))}, "must be uint8"),
        ({"image": np.zeros((2, 2, 4), "uint8")}, "1 or 3 channels"),
        ({"heat": np.zeros((2, 3))}, r"size \(2, 2\).*\(2, 3\)"),
        ({"heat": np.full((2, 2), 1.5)}, "from 0 to 1.*1.5"),
        ({"heat": np.full((2, 2), np.nan)}, "from 0 to 1.*nan"),
        ({"alpha": 2}, "alpha must be from 0 to 1"),
        ({"colormap": "viridi"}, "Did you mean 'viridis'"),
    ],
)
def test_what_does_not_fit_is_refused(change, words):
    good = {"image": np.zeros((2, 2), "uint8"), "heat": np.zeros((2, 2))}
    with pytest.raises(ValueError, match=words):
        overlay(**{**good, **change})


def cards(count=1, **change):
    from attention_fer.explain.drawing.gallery import Card, Tile

    picture = np.full((8, 8), 128, "uint8")
    heat = np.zeros((8, 8))
    heat[:, 4:] = 1
    tiles = (Tile("for happy\n90 %", heat), Tile("gates", bars=np.array([0.25, 1.0])))
    given = {"name": "a/face.png", "image": picture, "text": "true: sad", "tiles": tiles}
    return [Card(**{**given, **change})] * count


def test_a_page_shows_picture_overlay_and_bars(tmp_path):
    path = gallery(cards(), tmp_path / "new" / "page.png")
    with Image.open(path) as opened:
        page = np.asarray(opened)
    low, high = (
        overlay(np.full((1, 1), 128, "uint8"), np.full((1, 1), value))[0, 0] for value in (0, 1)
    )
    rows = np.flatnonzero((page == high).all(-1).sum(axis=1) > 30)
    assert 150 <= len(rows) <= 160
    row = page[rows[50]]
    columns = np.flatnonzero((row == high).all(-1))
    before = np.flatnonzero((row == low).all(-1))
    grey = np.flatnonzero((row == 128).all(-1))
    assert len(grey) == 160 and grey[-1] < before[0] < columns[0]
    assert columns[-1] - before[0] == 159
    # The bars are to the right: the second is full, the first a quarter.
    bars = page[rows[0] : rows[-1] + 1, columns[-1] + 1 :]
    blue = (bars == (59, 82, 139)).all(-1).sum(axis=0)
    heights = blue[blue > 0]
    assert len(heights) == 160
    assert abs(heights[10] - 40) <= 2 and abs(heights[-10] - 157) <= 3


def test_a_page_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "page.png"
    gallery(cards(3), path)
    before = path.read_bytes()

    def broken(self, file, *args):
        with open(file, "wb") as written:
            written.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", broken)
    with pytest.raises(OSError, match="disk full"):
        gallery(cards(5), path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["page.png"]


def test_pages_hold_any_text_and_any_shape(tmp_path):
    wide = np.zeros((4, 200, 3), "uint8")
    odd = cards(text="\u6d4b\u8bd5 " + "word " * 40, name="x" * 900, image=wide, tiles=())
    lost = cards(image=None, text="could not be read: " + "why " * 90, tiles=())
    path = tmp_path / "page.png"
    path = gallery(odd + lost + cards(2), path, title="t" * 500, notes="note " * 90)
    with Image.open(path) as opened:
        assert opened.width < 2000


def test_a_page_that_cannot_be_is_refused(tmp_path):
    with pytest.raises(ValueError, match="cards.*at least one"):
        gallery([], tmp_path / "page.png")
    with pytest.raises(ValueError, match=r"path.*\.png"):
        gallery(cards(), tmp_path / "page.jpg")


def test_without_pillow_it_is_said_what_to_install_and_an_overlay_is_drawn_all_the_same():
    code = (
        "import sys; sys.modules['PIL'] = None\n"
        "from attention_fer.explain import overlay\n"
        "assert 'keras' not in sys.modules\n"
        "try:\n    from attention_fer.explain import gallery\n"
        "except ImportError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "attention-fer[preprocessing]"' in done.stdout
