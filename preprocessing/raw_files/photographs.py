"""Decodes photographs of any common format to 8 bits, grey or RGB."""

from __future__ import annotations

import numpy as np
import simplejpeg
from PIL import Image

from preprocessing.raw_files.errors import UnreadableError
from preprocessing.raw_files.files import Files, read_bytes
from preprocessing.raw_files.pillow import READABLE, opened

_READ = (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".bmp", ".dib", ".gif", ".tif")
_READ_TOO = (".tiff", ".webp", ".avif", ".ppm", ".pgm", ".pbm", ".pnm")
# The last are photographs that we cannot read: their rejection says what to do about them.
_SUFFIXES = (*_READ, *_READ_TOO, ".heic", ".heif", ".jp2", ".jxl")

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
    return name.lower().endswith(_SUFFIXES)


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
        _check_single(image)
        if (pixels := _jpeg(data, image)) is not None:
            return pixels
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


def _check_single(image: Image.Image) -> None:
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        raise UnreadableError("animated or multi-page image", f"{frames} frames, expected 1")


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
