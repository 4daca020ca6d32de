"""Frames of what Python code has at hand: paths, bytes, arrays, PIL images, or many of these."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from attention_fer.common.checks import one_of
from attention_fer.predict.frames import Frame, reading
from attention_fer.predict.pictures import find_pictures
from attention_fer.predict.video.decoding import VideoFile, is_video
from attention_fer.predict.video.folders import video_folder
from preprocessing.raw_files.files import UnreadableError

if TYPE_CHECKING:
    from PIL import Image

CHANNELS = ("rgb", "bgr")

_EXPECTED = (
    "a path, the bytes of an image file, a uint8 array (height, width) or (height, width, 3), "
    "or a PIL image"
)


def frames_of(given: Any, channels: str = "rgb") -> Iterator[Frame]:
    """Yields the frames of whatever Python code has at hand.

    Args:
        given: one picture, or any iterable of pictures, which is read as it is used up. A picture
            is a path, the bytes of an image file, a file opened for reading bytes, a uint8 array, a
            PIL image (of an animation its present frame) or a `Frame`; an array (n, height, width,
            3) is n pictures. A path may be that of a folder, an archive or a video.
        channels: order of the channels of arrays, "rgb" or "bgr". It is never guessed.

    Raises:
        FileNotFoundError: a path where nothing is.
        TypeError, ValueError: something that is no picture.
    """
    one_of("channels", channels, CHANNELS)
    if isinstance(given, Frame):
        yield given
    elif isinstance(given, (str, os.PathLike)):
        yield from _of_path(os.fspath(given))
    elif _is_one(given):
        yield _frame(given, "0", channels)
    elif isinstance(given, Iterable):
        for number, item in enumerate(given):
            if isinstance(item, Frame):
                yield item
            elif isinstance(item, (str, os.PathLike)):
                yield from _of_path(os.fspath(item))
            else:
                yield _frame(item, str(number), channels)
    else:
        raise TypeError(f"A picture must be {_EXPECTED}, got {type(given).__name__}.")


def _is_one(given: Any) -> bool:
    if isinstance(given, np.ndarray):
        return given.ndim < 4
    return isinstance(given, (bytes, bytearray, memoryview)) or _is_pil(given) or _is_file(given)


def _is_file(given: Any) -> bool:
    """Whether it is an open file, which is also an iterable of lines."""
    return hasattr(given, "read")


def _is_pil(given: Any) -> bool:
    return hasattr(given, "getexif") and hasattr(given, "convert")


def _of_path(path: str) -> Iterator[Frame]:
    if is_video(path):
        yield from VideoFile(path).frames()
        return
    if folder := video_folder(path):
        for name in folder.videos:
            yield from VideoFile(os.path.join(path, name), name).frames()
        return
    for picture in find_pictures([path]).pictures:
        yield picture.frame()


def _frame(given: Any, name: str, channels: str) -> Frame:
    from preprocessing.raw_files.images import decode_photograph

    if isinstance(given, np.ndarray):
        return Frame(name, _checked(given, channels))
    if _is_pil(given):
        return reading(name, lambda: _of_pil(given))
    if _is_file(given):
        given = given.read()
    if isinstance(given, (bytes, bytearray, memoryview)):
        return reading(name, lambda: decode_photograph(bytes(given)))
    raise TypeError(f"A picture must be {_EXPECTED}, got {type(given).__name__}.")


def _of_pil(image: Image.Image) -> np.ndarray:
    from preprocessing.raw_files.images import upright_pixels

    try:
        if 0 in image.size:
            raise OSError(f"{image.width} x {image.height} pixels")
        return upright_pixels(image)
    except OSError as error:
        raise UnreadableError("undecodable image", str(error)) from error


def _checked(array: np.ndarray, channels: str) -> np.ndarray:
    pixels = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    shaped = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    if pixels.dtype != np.uint8 or not shaped or not pixels.size:
        raise ValueError(
            "An array must be uint8 (height, width) or (height, width, 3) with pixels from 0 to "
            f"255, got {array.dtype} of shape {array.shape}."
        )
    backwards = channels == "bgr" and pixels.ndim == 3  # a grey picture has no such axis
    return np.ascontiguousarray(pixels[..., ::-1]) if backwards else pixels
