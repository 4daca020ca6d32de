"""Decodes image files strictly: photographs of any common format, and grey images of one size."""

from __future__ import annotations

import functools
import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError, features

from preprocessing.raw_files.files import Files, UnreadableError, read_bytes

MOST_PIXELS = 100_000_000
"""Largest photograph that is decoded; a file of a few kilobytes can announce any size."""

READABLE = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM", "AVIF")
"""Formats of photographs; JPEG includes MPO. None of them starts a program, as EPS does."""

_LIBRARIES = {"JPEG": "jpg", "WEBP": "webp", "AVIF": "avif"}
"""Libraries that formats need besides Pillow, as named in `PIL.features`."""

_SIGNATURES = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"BM", "BMP"),
    (0, b"GIF8", "GIF"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (8, b"WEBP", "WEBP"),
    (4, b"ftypavi", "AVIF"),
    (4, b"ftyphe", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (4, b"ftypmsf1", "HEIC"),
    (0, b"%!PS", "PostScript"),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript"),
    (0, b"%PDF", "PDF"),
    (0, b"8BPS", "Photoshop"),
    (0, b"\xff\x0a", "JPEG XL"),
    (4, b"JXL ", "JPEG XL"),
    (4, b"jP  ", "JPEG 2000"),
)


@contextmanager
def opened(data: bytes, formats: tuple[str, ...]) -> Iterator[Image.Image]:
    """Opens an image whose content, whatever the file's name, has one of `formats`.

    Reads only the header. Any exception inside the block becomes an `UnreadableError`.

    Raises:
        UnreadableError: empty, of another format, damaged, or of more than `MOST_PIXELS`.
    """
    if not data:
        raise UnreadableError("empty file", "0 bytes")
    _settle()
    try:
        with Image.open(io.BytesIO(data), formats=_available(formats)) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                detail = f"{width}x{height}, expected at most {MOST_PIXELS:,} pixels: shrink it"
                raise UnreadableError("too many pixels", detail)
            yield image
    except UnreadableError:
        raise
    except UnidentifiedImageError:
        raise _unidentified(data, formats) from None
    except Image.DecompressionBombError as error:
        detail = f"expected at most {MOST_PIXELS:,} pixels: shrink it ({error})"
        raise UnreadableError("too many pixels", detail) from error
    except Exception as error:  # decoders raise almost anything on damaged files
        raise UnreadableError("undecodable image", str(error)) from error


@functools.cache
def _available(formats: tuple[str, ...]) -> tuple[str, ...]:
    """The formats that this Pillow reads: AVIF came with 11.3, and builds may lack some."""
    Image.init()
    return tuple(
        name
        for name in formats
        if name in Image.OPEN and (name not in _LIBRARIES or features.check(_LIBRARIES[name]))
    )


def _unidentified(data: bytes, formats: tuple[str, ...]) -> UnreadableError:
    kinds = [kind for at, mark, kind in _SIGNATURES if data.startswith(mark, at)]
    if kinds and kinds[0] in _available(formats):
        return UnreadableError("undecodable image", f"damaged header of a {kinds[0]} file")
    found = kinds[0] if kinds else f"content beginning with {data[:12]!r}"
    advice = f"expected {', '.join(_available(formats))}: convert it to PNG or JPEG"
    return UnreadableError("unsupported image format", f"{found}, {advice}")


_FILTER = r"PIL\."
_lock = threading.Lock()


def _settle() -> None:
    """Silences Pillow's warnings on metadata and sizes, and refuses to fill truncated files.

    Permanently and for the process: on exit, `warnings.catch_warnings` would restore filters that
    another thread had replaced meanwhile. Training libraries turn the filling on.
    """
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    with _lock:
        if not any(getattr(item[3], "pattern", None) == _FILTER for item in warnings.filters[:1]):
            warnings.filterwarnings("ignore", module=_FILTER)


def decode_grey(data: bytes, *, size: tuple[int, int]) -> np.ndarray:
    """Decodes an image that must be grey and of one size.

    Colour files whose three channels are equal count as grey. Uses Pillow because OpenCV fills the
    missing part of a truncated file with grey and reports success.

    Args:
        data: content of the file.
        size: (width, height) in pixels.

    Returns:
        uint8 of shape (height, width).

    Raises:
        UnreadableError: empty, of a format that is not `READABLE`, truncated, of another size, or
            in colour.
    """
    with opened(data, READABLE) as image:
        if image.size != size:
            found, wanted = ("x".join(map(str, pair)) for pair in (image.size, size))
            raise UnreadableError("wrong image size", f"{found} pixels, expected {wanted}")
        pixels = np.asarray(image.convert("RGB") if image.mode == "P" else image)
    if pixels.dtype != np.uint8 or (pixels.ndim == 3 and pixels.shape[2] != 3):
        raise UnreadableError("not an 8-bit grey image", f"{pixels.dtype}, shape {pixels.shape}")
    if (grey := _grey(pixels)).ndim == 2:
        return grey
    raise UnreadableError("not an 8-bit grey image", "colour channels differ")


_LOSSLESS = (".tiff", ".tif", ".png", ".bmp", ".dib", ".ppm", ".pgm", ".pbm", ".pnm", ".gif")
_LOSSY = (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".webp", ".avif")
SUFFIXES = (*_LOSSLESS, *_LOSSY, ".heic", ".heif", ".jp2", ".jxl")
"""How the names of photographs end, lossless formats first, for every source. The last are of
formats that we cannot read: their rejection says what to do about them."""

_ORIENTATION = 0x0112  # EXIF tag, the same in TIFF

_COLOURSPACES = {"L": "GRAY", "RGB": "RGB"}
_HARMLESS = "extraneous bytes"  # some cameras leave them between two parts of a file

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def is_photograph(name: str) -> bool:
    """Whether a file's name ends as a photograph's does."""
    return name.lower().endswith(SUFFIXES)


def load_photograph(files: Files, name: str) -> np.ndarray:
    """Reads and decodes one file, see `decode_photograph`. Raises `UnreadableError`."""
    return decode_photograph(read_bytes(files, name))


def decode_photograph(data: bytes) -> np.ndarray:
    """Decodes a photograph as a viewer shows it: upright, transparent parts white.

    The content decides the format, not the file's name. Grey values of 16 bits become
    `round(v / 257)`, which maps 0 to 65535 linearly to 0 to 255; of 16-bit colours Pillow takes the
    high byte, at most 1 away. CMYK is converted without a colour profile. Of a JPEG with several
    pictures (MPO, from phones) the first is taken.

    Args:
        data: content of a JPEG, PNG, BMP, GIF, TIFF, WEBP, PPM or AVIF file.

    Returns:
        uint8 of shape (height, width) if the file is grey, else RGB of shape (height, width, 3).

    Raises:
        UnreadableError: empty, truncated or damaged, of another format, of more than 100
            megapixels, animated, or of floating-point numbers.
    """
    with opened(data, READABLE) as image:
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":
            raise UnreadableError("animated or multi-page image", f"{frames} frames, expected 1")
        if (pixels := _jpeg(data, image)) is not None:
            return pixels
        return upright_pixels(image)


def upright_pixels(image: Image.Image) -> np.ndarray:
    """The pixels of an opened image, turned and converted as `decode_photograph` does.

    Raises:
        UnreadableError: floating-point numbers, or whole ones beyond 16 bits.
        OSError: a damaged file, whose pixels Pillow reads only now.
    """
    image.load()  # Pillow turns some TIFF files itself and then removes the tag
    turn = _TURNS.get(_orientation(image))
    return _pixels(image if turn is None else image.transpose(turn))


def _jpeg(data: bytes, image: Image.Image) -> np.ndarray | None:
    """The pixels of a grey or RGB JPEG; None leaves the decoding to Pillow.

    They equal Pillow's, in a quarter of the time. Damage in the middle of a file, which Pillow
    ignores, is an error.
    """
    if image.format != "JPEG" or image.mode not in _COLOURSPACES:
        return None
    import simplejpeg  # here, since a machine that only trains may lack it

    space = _COLOURSPACES[image.mode]
    try:
        pixels = simplejpeg.decode_jpeg(data, space, strict=True)
    except ValueError as error:
        if _HARMLESS not in str(error):
            raise
        pixels = simplejpeg.decode_jpeg(data, space, strict=False)
    pixels = pixels[..., 0] if image.mode == "L" else pixels
    turn = _TURNS.get(_orientation(image))
    return pixels if turn is None else np.asarray(Image.fromarray(pixels).transpose(turn))


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a damaged EXIF block must not lose the photograph
        return 1


def _pixels(image: Image.Image) -> np.ndarray:
    if image.mode == "F":
        detail = "expected whole numbers of 8 or 16 bits: convert it to PNG"
        raise UnreadableError("floating-point image", detail)
    if image.mode.startswith("I"):
        return _eight_bits(np.asarray(image))
    if image.has_transparency_data:
        flat = _over_white(image)
    else:
        wanted = "L" if image.mode in ("1", "L") else "RGB"
        flat = image if image.mode == wanted else image.convert(wanted)
    pixels = np.asarray(flat)
    # A palette does not say whether its colours are all grey.
    return _grey(pixels) if image.mode in ("P", "PA") else pixels


def _eight_bits(values: np.ndarray) -> np.ndarray:
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 0xFFFF:
        detail = f"from {low} to {high}: convert it to PNG"
        raise UnreadableError("pixels not in 0..65535", detail)
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _over_white(image: Image.Image) -> Image.Image:
    grey = image.mode in ("1", "L", "LA", "La")
    clear = image.convert("LA" if grey else "RGBA")
    result = Image.new("L" if grey else "RGB", image.size, "white")
    result.paste(clear.convert(result.mode), mask=clear.getchannel("A"))
    return result


def _grey(pixels: np.ndarray) -> np.ndarray:
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        return np.ascontiguousarray(pixels[..., 0])
    return pixels
