"""Photographs come out as a viewer shows them, whatever the format; nothing damaged comes out."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageOps, features

from preprocessing.raw_files.files import UnreadableError, read_bytes
from preprocessing.raw_files.images import MOST_PIXELS, READABLE, decode_photograph

GREY = np.add.outer(np.arange(0, 120, 5), np.arange(0, 128, 4)).astype(np.uint8)  # 24 x 32
RGB = np.stack([GREY, 255 - GREY, np.roll(GREY, 9, axis=1)], axis=-1)


def encode(image, kind="PNG", **options):
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def reason(data):
    with pytest.raises(UnreadableError) as caught:
        decode_photograph(data)
    return caught.value.reason, str(caught.value)


Image.init()
AVIF = "AVIF" in Image.OPEN and features.check("avif")  # older ones do not know the question
needs_avif = pytest.mark.skipif(not AVIF, reason="this Pillow reads no AVIF")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "TIFF", "PPM", "WEBP"])
def test_lossless_formats_give_grey_and_colour_exactly(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    if kind != "WEBP":  # which knows no grey
        assert np.array_equal(decode_photograph(encode(GREY, kind)), GREY)
    if kind != "GIF":  # which has but 256 colours
        assert np.array_equal(decode_photograph(encode(RGB, kind, **options)), RGB)


@pytest.mark.parametrize("kind", ["JPEG", pytest.param("AVIF", marks=needs_avif)])
def test_lossy_formats_come_close(kind):
    image = decode_photograph(encode(RGB, kind, quality=95))
    assert image.shape == RGB.shape and np.abs(image.astype(int) - RGB).mean() < 8
    if kind == "JPEG":
        assert (
            np.abs(decode_photograph(encode(GREY, kind, quality=95)).astype(int) - GREY).max() < 9
        )


def _exif(orientation, order="<"):
    """A bare EXIF block with one tag, written by hand."""
    byte_order = b"II" if order == "<" else b"MM"
    head = byte_order + struct.pack(order + "HI", 42, 8)
    entry = struct.pack(order + "HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    return b"Exif\0\0" + head + entry


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_photographs_stand_upright(kind, orientation):
    options = {"lossless": True} if kind == "WEBP" else {}
    if kind == "TIFF":
        data = encode(RGB, kind, tiffinfo={0x0112: orientation})
    else:
        data = encode(RGB, kind, exif=_exif(orientation, "<>"[orientation % 2]), **options)
    with Image.open(io.BytesIO(data)) as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    assert np.array_equal(decode_photograph(data), upright)
    assert upright.shape[:2] == ((24, 32) if orientation < 5 else (32, 24))


def test_orientation_six_turns_clockwise():
    """By hand, so that no library is taken at its word: what was left comes to the top."""
    data = encode(RGB, exif=_exif(6))
    assert np.array_equal(decode_photograph(data), np.rot90(RGB, -1))


def test_damaged_exif_does_not_lose_the_photograph():
    data = encode(RGB, exif=_exif(6)[:-9])
    assert np.array_equal(decode_photograph(data), RGB)
    data = encode(RGB, exif=b"Exif\0\0" + b"XX\0\0 no tags")
    assert np.array_equal(decode_photograph(data), RGB)
    broken = encode(Image.fromarray(RGB), "JPEG", exif=_exif(6)[:-9])
    assert decode_photograph(broken).shape == RGB.shape


def _ycck(rgb):
    """A JPEG in YCCK as Adobe writes it: YCbCr of the three inks, and the inverted black."""
    ycc = np.asarray(Image.fromarray(255 - rgb).convert("YCbCr"))
    black = np.full(rgb.shape[:2], 255, np.uint8)
    stored = np.dstack([ycc, black])  # Pillow inverts what it writes
    data = bytearray(encode(Image.fromarray(255 - stored, "CMYK"), "JPEG", quality=95))
    adobe = data.index(b"Adobe")
    assert data[adobe + 11] == 0
    data[adobe + 11] = 2  # the transform: YCCK
    return bytes(data)


@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning")
def test_four_inks_become_rgb():
    cmyk = np.dstack([255 - RGB, np.zeros_like(GREY)])
    data = encode(Image.fromarray(cmyk, "CMYK"), "JPEG", quality=95)
    assert np.abs(decode_photograph(data).astype(int) - RGB).max() < 40
    assert np.abs(decode_photograph(data).astype(int) - RGB).mean() < 4
    assert np.abs(decode_photograph(_ycck(RGB)).astype(int) - RGB).mean() < 8
    assert np.array_equal(decode_photograph(encode(Image.fromarray(cmyk, "CMYK"), "TIFF")), RGB)


def test_palettes_keep_their_colours_and_grey_ones_stay_grey():
    few = RGB // 64 * 64
    palette = Image.fromarray(few).quantize(256, method=Image.Quantize.FASTOCTREE)
    shown = np.asarray(palette.convert("RGB"))
    for kind in ("PNG", "GIF", "BMP", "TIFF"):
        assert np.array_equal(decode_photograph(encode(palette, kind)), shown)
    grey = Image.fromarray(GREY).convert("P")
    assert grey.mode == "P"
    assert np.array_equal(decode_photograph(encode(grey)), GREY)


def test_transparent_parts_are_white():
    alpha = np.zeros_like(GREY)
    alpha[:, :10] = 255
    alpha[:, 10:20] = 128
    shown = decode_photograph(encode(np.dstack([RGB, alpha])))
    assert np.array_equal(shown[:, :10], RGB[:, :10]) and (shown[:, 20:] == 255).all()
    between = RGB[:, 10:20].astype(float) * 128 / 255 + 127
    assert np.abs(shown[:, 10:20] - between).max() <= 1
    grey = decode_photograph(encode(np.dstack([GREY, alpha])))
    assert grey.shape == GREY.shape and np.array_equal(grey[:, :10], GREY[:, :10])
    assert (grey[:, 20:] == 255).all()


def test_one_transparent_colour_is_white():
    indices = np.zeros((4, 6), np.uint8)
    indices[:, 3:] = 1
    palette = Image.fromarray(indices).convert("P")
    palette.putpalette([200, 10, 10, 10, 10, 200])
    for kind in ("PNG", "GIF"):
        shown = decode_photograph(encode(palette, kind, transparency=0))
        assert (shown[:, :3] == 255).all() and (shown[:, 3:] == (10, 10, 200)).all()
    for image, clear in ((GREY, int(GREY[0, 0])), (RGB, tuple(map(int, RGB[0, 0])))):
        shown = decode_photograph(encode(image, transparency=clear))
        assert (shown[0, 0] == 255).all() and np.array_equal(shown[1:], image[1:])
        assert shown.ndim == image.ndim


def _png(width, height, depth, colour, rows, chunks=()):
    """A PNG written by hand, for what Pillow does not write."""

    def chunk(kind, body):
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = [(b"IHDR", header), *chunks, (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def test_sixteen_bits_are_divided_and_not_clipped():
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    assert np.array_equal(decode_photograph(encode(every)), np.round(every / 257))
    deep = GREY.astype(np.uint16) * 257 + 77
    assert np.array_equal(decode_photograph(encode(deep)), GREY)
    assert np.array_equal(decode_photograph(encode(deep, "TIFF")), GREY)
    for order in "<>":
        size = struct.pack(order + "I", GREY.size * 2)
        tags = [(256, 32), (257, 24), (258, 16), (262, 1), (273, 122), (277, 1), (278, 24)]
        entries = b"".join(struct.pack(order + "HHIHH", t, 3, 1, v, 0) for t, v in tags)
        entries += struct.pack(order + "HHI", 279, 4, 1) + size
        head = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "HIH", 42, 8, 8)
        tiff = (head + entries + bytes(4)).ljust(122, b"\0") + deep.astype(order + "u2").tobytes()
        assert np.array_equal(decode_photograph(tiff), GREY)
    whole = Image.fromarray(deep.astype(np.int32))
    assert np.array_equal(decode_photograph(encode(whole, "TIFF")), GREY)
    pgm = b"P5 32 24 65535\n" + deep.astype(">u2").tobytes()
    assert np.array_equal(decode_photograph(pgm), GREY)
    colour = _png(
        32, 24, 16, 2, [row.tobytes() for row in (RGB.astype(int) * 256 + 77).astype(">u2")]
    )
    assert np.array_equal(decode_photograph(colour), RGB)


def test_one_bit_is_black_and_white():
    black = GREY > 100
    for kind in ("PNG", "TIFF", "BMP"):
        assert np.array_equal(decode_photograph(encode(black, kind)), np.where(black, 255, 0))


def test_numbers_that_are_no_brightness_are_refused():
    assert reason(encode(GREY.astype(np.float32), "TIFF"))[0] == "floating-point image"
    large = GREY.astype(np.int32) * 70_000
    assert reason(encode(large, "TIFF"))[0] == "pixels not in 0..65535"
    signed = GREY.astype(np.int32) - 9
    assert reason(encode(signed, "TIFF"))[0] == "pixels not in 0..65535"


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_several_pictures_in_a_file_are_refused(kind):
    more = [Image.fromarray(np.roll(RGB, n, axis=0)) for n in (1, 2)]
    data = encode(RGB, kind, save_all=True, append_images=more)
    assert reason(data) == ("animated or multi-page image", "3 frames, expected 1")


def test_the_first_picture_of_a_phone_is_taken():
    second = Image.fromarray(255 - RGB)
    data = encode(RGB, "MPO", save_all=True, append_images=[second], quality=95)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.n_frames) == ("MPO", 2)
    assert np.array_equal(
        decode_photograph(data), decode_photograph(encode(RGB, "JPEG", quality=95))
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM"])
def test_no_truncated_file_is_filled(kind):
    rng = np.random.default_rng(0)
    data = encode(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), kind)
    for share in (0.999, 0.9, 0.5, 0.1, 0.02):
        found, _ = reason(data[: int(len(data) * share) - 20])
        assert found in ("undecodable image", "unsupported image format")
    assert reason(data[: len(data) // 2])[0] == "undecodable image"


def test_nothing_is_filled_where_another_library_asked_for_it(monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    data = encode(noise, "JPEG")
    half = data[: len(data) // 2]
    assert Image.open(io.BytesIO(half)).convert("L").size == (64, 64)
    assert reason(half)[0] == "undecodable image"


def _announcing(width, height):
    """A PNG of a few bytes that says it is of some size."""
    return _png(width, height, 8, 2, [b"\0" * 30])


@pytest.mark.parametrize("side", [10_001, 11_000, 20_000, 60_000])
def test_decompression_bombs_are_refused_from_their_header(side):
    found, detail = reason(_announcing(side, side))
    assert found == "too many pixels" and "pixels" in detail


def test_the_limit_is_on_pixels_and_is_ours():
    with pytest.raises(UnreadableError) as caught:
        decode_photograph(_announcing(10_000, MOST_PIXELS // 10_000))
    assert caught.value.reason == "undecodable image"  # of allowed size, and then truncated
    assert reason(_announcing(10_000, MOST_PIXELS // 10_000 + 1))[0] == "too many pixels"


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 90


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (HEIC, "HEIC, expected JPEG, PNG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "PostScript, expected"),
        (b"%PDF-1.7\n", "PDF, expected"),
        (b"<html>not found</html>", "content beginning with b'<html>not fo', expected"),
    ],
)
def test_other_formats_are_refused_with_what_to_do(data, words):
    found, detail = reason(data)
    assert found == "unsupported image format"
    assert detail.startswith(words) and detail.endswith("convert it to PNG or JPEG")


def test_postscript_is_not_even_tried():
    eps = encode(RGB, "EPS")
    assert reason(eps)[0] == "unsupported image format"
    assert "EPS" not in READABLE and "PDF" not in READABLE


def test_no_bytes_and_damaged_headers_are_told_apart():
    assert reason(b"") == ("empty file", "0 bytes")
    header = b"\xff\xd8\xff\xe0" + bytes(40)
    assert reason(header) == ("undecodable image", "damaged header of a JPEG file")
    assert reason(encode(RGB)[:20])[0] == "undecodable image"


def test_the_content_decides_and_not_the_name(raw, tmp_path):
    from preprocessing.raw_files.directory import DirectoryFiles
    from preprocessing.raw_files.images import load_photograph

    raw.directory(tmp_path, {"a.png": encode(GREY, "JPEG", quality=95), "b.jpg": encode(GREY)})
    files = DirectoryFiles(tmp_path)
    assert np.array_equal(load_photograph(files, "b.jpg"), GREY)
    assert np.abs(load_photograph(files, "a.png").astype(int) - GREY).max() < 9


def test_large_files_are_not_read(raw, tmp_path):
    from preprocessing.raw_files.containers import ZipFiles
    from preprocessing.raw_files.directory import DirectoryFiles

    raw.directory(tmp_path, {"a.bin": b"x" * 1000})
    raw.zip(tmp_path / "a.zip", {"a.bin": b"x" * 1000})
    for files in (DirectoryFiles(tmp_path), ZipFiles(tmp_path / "a.zip")):
        assert len(read_bytes(files, "a.bin", most=1000)) == 1000
        with pytest.raises(UnreadableError, match="1,000 bytes, expected at most 999") as caught:
            read_bytes(files, "a.bin", most=999)
        assert caught.value.reason == "file too large"


def _odd_tiff():
    """A TIFF with a tag of too many entries, on which Pillow remarks."""
    data = bytearray(encode(GREY, "TIFF"))
    start = struct.unpack_from("<I", data, 4)[0]
    for entry in range(struct.unpack_from("<H", data, start)[0]):
        at = start + 2 + 12 * entry
        if struct.unpack_from("<H", data, at)[0] == 262:
            struct.pack_into("<I", data, at + 4, 2)
    return bytes(data)


def test_no_warning_of_pillow_comes_through_from_any_thread():
    large, bad_exif = _announcing(9_500, 9_500), encode(RGB, "JPEG", exif=_exif(6)[:-9])
    many = [large, *[_odd_tiff(), bad_exif] * 30]
    with warnings.catch_warnings(record=True) as caught, ThreadPoolExecutor(4) as pool:
        warnings.simplefilter("always")
        with pytest.raises(Warning), warnings.catch_warnings():
            warnings.simplefilter("error")
            Image.open(io.BytesIO(large))
        futures = [pool.submit(decode_photograph, data) for data in many]
        outcomes = {type(future.exception()) for future in futures}
    assert outcomes == {type(None), UnreadableError}
    assert [str(item.message) for item in caught] == []


def test_threads_decode_alike():
    data = [encode(np.roll(RGB, n, axis=0), "PNG") for n in range(8)] * 20
    with ThreadPoolExecutor(8) as pool:
        images = list(pool.map(decode_photograph, data))
    assert all(np.array_equal(image, np.roll(RGB, n % 8, axis=0)) for n, image in enumerate(images))


@pytest.mark.parametrize("image", [GREY, RGB], ids=["grey", "colour"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}], ids=str)
def test_a_jpeg_gives_what_pillow_gives(image, orientation, options):
    large = np.kron(image, np.ones((3, 3) + (1,) * (image.ndim - 2), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(large, "JPEG", exif=exif, **options)
    with Image.open(io.BytesIO(data)) as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened))
    assert np.array_equal(decode_photograph(data), expected)
    assert np.array_equal(decode_photograph(data + b"maker's notes"), expected)
    half = data[: len(data) // 2]
    assert reason(half)[0] == reason(half + b"\xff\xd9")[0] == "undecodable image"


def test_damage_in_the_middle_of_a_jpeg_is_found():
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    data = encode(noise, "JPEG", quality=90)
    decode_photograph(data)
    middle = len(data) // 2
    assert reason(data[:middle] + data[middle + 3000 :])[0] == "undecodable image"
