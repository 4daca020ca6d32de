"""What the products are shown: photographs and a video made of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from benchmarks.faces.common import images_of
from benchmarks.faces.crops import scenes
from benchmarks.faces.scenes import SIZE

RATE = 25
"""Frames a second of the video; each photograph stays for a second."""


def write_scenes(dataset: str, n: int, seed: int, folder: Path) -> list[Path]:
    """Writes photographs with a test image of FER2013 each, as `benchmarks.faces crops` has them.

    Raises:
        ValueError, OSError: no such dataset.
    """
    images, _ = images_of(dataset, "test", n, seed)
    paths = [folder / f"{number:05d}.jpg" for number in range(len(images))]
    for path, one in zip(paths, scenes(images, seed), strict=True):
        Image.fromarray(one.picture).save(path, quality=95)
    return paths


def write_video(photographs: Sequence[Path], frames: int, path: Path) -> None:
    """Writes a video (Motion JPEG) of 480x640 pixels, which shows the photographs in turns.

    Raises:
        OSError: a photograph cannot be read, or OpenCV cannot write the video.
    """
    high, wide = SIZE
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), RATE, (wide, high))
    if not writer.isOpened():
        raise OSError(f"OpenCV must be able to write Motion JPEG to {path}. Try another build.")
    shown = cycle(photographs)
    for number in range(frames):
        if number % RATE == 0:
            with Image.open(next(shown)) as photograph:
                upright = ImageOps.exif_transpose(photograph).convert("RGB")
            frame = np.asarray(ImageOps.pad(upright, (wide, high)))[..., ::-1]
        writer.write(np.ascontiguousarray(frame))
    writer.release()
