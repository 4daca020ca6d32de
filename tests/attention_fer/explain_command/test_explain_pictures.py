"""Pictures are read as the preparation reads them."""

import os
import shutil

import numpy as np
import pytest

Image = pytest.importorskip("PIL.Image")

from attention_fer.explain.command.pictures import find_pictures, read_picture  # noqa: E402
from preprocessing.faces.cropper import FaceCropper  # noqa: E402
from preprocessing.raw_files.files import UnreadableError  # noqa: E402
from preprocessing.sources import get  # noqa: E402


def test_pictures_of_every_kind_are_those_of_the_preparation(tmp_path):
    """Pixel by pixel what a dataset prepared from the same files holds."""
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 256, (30, 40, 3), "uint8")
    grey, alpha = colour[..., 0], np.where(np.arange(40) < 20, 255, 80) * np.ones((30, 1), int)
    clear = np.dstack([colour, alpha]).astype("uint8")
    deep = (np.arange(1200).reshape(30, 40) * 54).astype("uint16")
    cmyk = Image.fromarray(colour).convert("CMYK")
    palette = Image.fromarray(colour).quantize(32)
    exif = Image.Exif()
    exif[274] = 6  # turn by a quarter, clockwise
    (tmp_path / "raw" / "happy").mkdir(parents=True)
    for name, picture, options in (
        ("grey.png", Image.fromarray(grey), {}),
        ("rgb.png", Image.fromarray(colour), {}),
        ("rgba.png", Image.fromarray(clear), {}),
        ("palette.png", palette, {"transparency": 3}),
        ("deep.png", Image.fromarray(deep), {}),
        ("turned.jpg", Image.fromarray(colour), {"exif": exif}),
        ("cmyk.jpeg", cmyk, {}),
        ("other.jfif", Image.fromarray(colour), {"format": "JPEG"}),
    ):
        picture.save(tmp_path / "raw" / "happy" / name, **options)
    found = {one.name: one for one in find_pictures(tmp_path / "raw", pytest.fail)}
    samples = list(get("folder").open(tmp_path / "raw", notice=[].append).items)
    assert len(samples) == len(found) == 8
    for colour_mode, channels, side in (("rgb", 3, 20), ("grey", 1, 20), ("grey", 1, 60)):
        for (row,) in FaceCropper(size=side, colour=colour_mode)(samples):
            pixels = read_picture(found[row.source], (side, side), channels)
            np.testing.assert_array_equal(pixels, row.image.reshape(pixels.shape), row.source)


def test_a_picture_is_read_as_it_looks(tmp_path):
    """The values by hand, so that both routes cannot be wrong together."""
    deep = np.linspace(0, 65535, 48).reshape(6, 8).astype("uint16")
    Image.fromarray(deep).save(tmp_path / "deep.png")
    colour = np.random.default_rng(0).integers(0, 256, (6, 8, 3), "uint8")
    Image.fromarray(colour).save(tmp_path / "colour.png")
    Image.fromarray(np.ones((6, 8), "float32")).save(tmp_path / "float.tiff")
    one, two, three = find_pictures(tmp_path, pytest.fail)
    found = read_picture(two, (6, 8), 1)[..., 0]
    np.testing.assert_array_equal(found, np.round(deep / 257))
    np.testing.assert_array_equal(read_picture(one, (6, 8), 3), colour)
    grey = read_picture(one, (6, 8), 1)[..., 0]
    np.testing.assert_allclose(grey, colour @ [0.299, 0.587, 0.114], atol=1)
    small = read_picture(one, (3, 4), 3)
    means = colour.reshape(3, 2, 4, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(small, means, atol=0.51)
    with pytest.raises(UnreadableError) as caught:
        read_picture(three, (6, 8), 1)
    assert caught.value.reason == "floating-point image"


def test_pictures_of_a_folder_are_sorted_and_others_are_counted(tmp_path):
    for name in ("b/2.PNG", "b/deep/1.jpg", "a/notes.txt", ".hidden/x.png", "a/.x.png", "top.gif"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    told = []
    found = find_pictures(tmp_path, told.append)
    assert [one.name for one in found] == ["b/2.PNG", "b/deep/1.jpg", "top.gif"]
    assert [one.folder for one in found] == ["b", "b", ""]
    assert len(told) == 1 and told[0].startswith("1 file") and "a/notes.txt" in told[0]
    assert find_pictures(tmp_path / "top.gif", pytest.fail)[0].name == "top.gif"
    assert find_pictures(tmp_path / "a" / "notes.txt", pytest.fail)[0].name == "notes.txt"
    (alone,) = find_pictures(os.path.relpath(tmp_path / "b" / "2.PNG"), pytest.fail)
    assert (alone.name, alone.folder) == ("2.PNG", "")


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_pictures_are_read_from_an_archive(tmp_path, faces, kind):
    (faces / "dark" / "notes.txt").write_text("no picture")
    shutil.make_archive(str(tmp_path / "faces"), kind, faces)
    (faces / "dark" / "notes.txt").unlink()
    told = []
    packed = find_pictures(tmp_path / f"faces.{kind}", told.append)
    assert len(told) == 1 and told[0].startswith("1 file") and "dark/notes.txt" in told[0]
    plain = find_pictures(faces, pytest.fail)
    assert [(one.name, one.folder) for one in packed] == [(one.name, one.folder) for one in plain]
    for one, other in zip(packed, plain, strict=True):
        pixels = read_picture(one, (8, 8), 1)
        np.testing.assert_array_equal(pixels, read_picture(other, (8, 8), 1))


def test_a_link_that_leads_nowhere_is_a_picture_that_says_so(tmp_path, faces):
    (faces / "dark" / "lost.png").symlink_to(tmp_path / "nowhere.png")
    found = {one.name: one for one in find_pictures(faces, pytest.fail)}
    assert len(found) == 7 and found["dark/lost.png"].folder == "dark"
    with pytest.raises(UnreadableError) as caught:
        read_picture(found["dark/lost.png"], (8, 8), 1)
    assert caught.value.reason
