"""Files as people have them: formats, turns, damage, names, folders and archives."""

import io
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from attention_fer.predict.pictures import find_pictures

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def encoded(image, form, **options):
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photograph_is_read_upright(predictor, portrait, orientation):
    upright = Image.fromarray(portrait)
    stored = upright.transpose(TURNS[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    (expected,) = predictor.predict(portrait)
    data = encoded(stored, "PNG", exif=exif)
    for form in (data, Image.open(io.BytesIO(data))):
        (row,) = predictor.predict(form)
        assert row.box == expected.box and row.probabilities == expected.probabilities


def variants(portrait):
    """(name, bytes of a file, largest difference of a probability)."""
    image = Image.fromarray(portrait)
    clear = image.copy()
    clear.putalpha(255)
    grey = image.convert("L")
    deep = Image.fromarray(np.asarray(grey, np.uint16) * 257)
    yield "alpha", encoded(clear, "PNG"), 0
    yield "webp", encoded(image, "WEBP", lossless=True), 0
    yield "tiff", encoded(image, "TIFF"), 0
    yield "bmp", encoded(image, "BMP"), 0
    yield "palette", encoded(image.quantize(256), "PNG"), 0.1
    yield "gif", encoded(image, "GIF"), 0.1
    yield "grey", encoded(grey, "PNG"), 0.02
    yield "16 bit", encoded(deep, "PNG"), 0.02
    yield "cmyk", encoded(image.convert("CMYK"), "JPEG", quality=95), 0.1
    yield "jpeg", encoded(image, "JPEG", quality=95), 0.1


def test_every_kind_of_file_shows_the_same_face(predictor, portrait):
    (expected,) = predictor.predict(portrait)
    seen = 0
    for name, data, most in variants(portrait):
        (row,) = predictor.predict(data)
        assert row.label == "happy", (name, row)
        gaps = [abs(row.probabilities[one] - p) for one, p in expected.probabilities.items()]
        assert max(gaps) <= most, name
        seen += 1
    assert seen == 10


def broken(portrait):
    """(what, bytes of a file, words of the reason)."""
    image = Image.fromarray(portrait)
    jpeg, png = encoded(image, "JPEG"), encoded(image, "PNG")
    frames = [Image.new("L", (30, 30), shade) for shade in (0, 200)]
    moving = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    yield "empty", b"", ["empty file"]
    yield "text", b"hello", ["unsupported image format", "convert"]
    yield "half a JPEG", jpeg[: len(jpeg) // 2], ["undecodable image"]
    yield "half a PNG", png[: len(png) // 2], ["undecodable image"]
    yield "animation", moving, ["animated", "2 frames"]
    yield (
        "one-bit picture of 400 megapixels",
        encoded(Image.new("1", (20_000, 20_000)), "PNG"),
        [
            "too many pixels",
            "100,000,000",
            "shrink it",
        ],
    )


def test_what_cannot_be_read_gets_a_row_with_the_reason(predictor, portrait):
    found = list(broken(portrait))
    rows = predictor.predict([data for _, data, _ in found])
    assert len(rows) == len(found) == 6
    for row, (what, _, words) in zip(rows, found, strict=True):
        said = row.values(("happy",))["reason"]
        assert not row.success and all(word in said for word in words), (what, said)


def test_a_one_bit_picture_has_no_face_and_stops_nothing(predictor, portrait):
    (row,) = predictor.predict(encoded(Image.new("1", (200, 200)), "PNG"))
    assert row.reason == "no face found"


def test_a_folder_is_searched_in_the_order_of_names(photographs):
    found = find_pictures([str(photographs)])
    names = [picture.name for picture in found.pictures]
    assert names == sorted(names) and len(names) == 7
    assert names[-3] == "sub/笑顔 😀, =1.png" and found.others == ["notes.txt"]
    frame = found.pictures[names.index("cut.jpg")].frame()
    assert frame.pixels is None and frame.problem.reason == "undecodable image"


def test_an_archive_is_read_like_the_folder(photographs, predictor):
    packed = shutil.make_archive(str(photographs), "zip", photographs)
    rows = predictor.predict(packed)
    unpacked = predictor.predict(photographs)
    assert [row.input for row in rows] == [row.input for row in unpacked]
    found = find_pictures([packed, f"{photographs}/b.png"])
    assert [picture.name for picture in found.pictures] == [
        *dict.fromkeys(f"{packed}/{row.input}" for row in rows),
        f"{photographs}/b.png",
    ]
    assert found.others == [f"{packed}/notes.txt"]
    assert [row.probabilities for row in rows] == [row.probabilities for row in unpacked]


def test_several_paths_keep_their_names_apart(photographs, tmp_path):
    paths = [str(photographs / "sub"), str(photographs / "b.png"), str(photographs / "b.png")]
    names = [picture.name for picture in find_pictures(paths).pictures]
    assert names == [f"{photographs}/sub/笑顔 😀, =1.png", f"{photographs}/b.png"]
    (tmp_path / "x.jpg").mkdir()
    with pytest.raises(ValueError, match=r"No photograph in .*x\.jpg"):
        find_pictures([str(tmp_path / "x.jpg")])


@pytest.mark.parametrize("name", ["-leading.png", "new\nline, comma.png", "without suffix"])
def test_any_name_will_do(predictor, portrait, tmp_path, name):
    path = tmp_path / name
    Image.fromarray(portrait).save(path, "PNG")
    (row,) = predictor.predict(path)
    assert row.input == str(path) and row.label == "happy"


def test_links_that_lead_nowhere_are_rows_too(predictor, photographs):
    os.symlink(photographs / "nothing.png", photographs / "link.png")
    (row,) = [row for row in predictor.predict(photographs) if row.input == "link.png"]
    assert row.reason == "dangling link"
