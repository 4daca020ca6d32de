"""Opens image bytes with Pillow, with our own formats, limits and warnings."""

from __future__ import annotations

import functools
import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, ImageFile, UnidentifiedImageError, features

from preprocessing.raw_files.errors import UnreadableError

MOST_PIXELS = 100_000_000
"""Largest photograph that is decoded; a file of a few kilobytes can announce any size."""

READABLE = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM", "AVIF")
"""Formats of photographs; JPEG includes MPO. None of them starts a program, as EPS does."""

_LIBRARIES = {"JPEG": "jpg", "WEBP": "webp", "AVIF": "avif"}
"""Libraries that formats need beside Pillow, as named in `PIL.features`."""

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
            _check_pixels(image)
            yield image
    except UnreadableError:
        raise
    except UnidentifiedImageError:
        raise _unidentified(data, formats) from None
    except Image.DecompressionBombError as error:
        raise UnreadableError("too many pixels", str(error)) from error
    except Exception as error:  # decoders raise almost anything on damaged files
        raise UnreadableError("undecodable image", str(error)) from error


def _check_pixels(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MOST_PIXELS:
        detail = f"{width}x{height}, expected at most {MOST_PIXELS:,} pixels: shrink it"
        raise UnreadableError("too many pixels", detail)


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
