"""Draws boxes and labels on pictures at their own size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, ImageDraw

from attention_fer.common.files import replacing
from attention_fer.common.text import class_labels, font, width
from attention_fer.predict.rows import FaceRow

FOUND, SKIPPED, INK = (255, 210, 0), (150, 150, 150), (20, 20, 20)
_SAME_KIND = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}


def annotated(pixels: np.ndarray, rows: Sequence[FaceRow], numbers: bool = False) -> Image.Image:
    """Returns a picture with the box of each of its faces, its label and probability in percent.

    Args:
        pixels: uint8, grey or RGB.
        rows: of this picture. Faces without expression get a grey box that says why.
        numbers: whether to say the number of each face, as in a video.
    """
    picture = Image.fromarray(pixels).convert("RGB")
    draw = ImageDraw.Draw(picture)
    line = max(1, round(max(picture.size) / 400))
    letters = font(max(10, round(max(picture.size) / 45)))
    for row in rows:
        if row.box is None:
            continue
        x, y, across, down = row.box
        colour = FOUND if row.success else SKIPPED
        draw.rectangle((x, y, x + across - 1, y + down - 1), outline=colour, width=line)
        text = (f"{row.face_id}: " if numbers else "") + _caption(row)
        wide, high = width(text, letters) + 2 * line, round(letters.size * 1.3)
        left = max(0, min(x, picture.width - wide))
        top = y - high if y >= high else min(y + down, picture.height - high)
        draw.rectangle((left, top, left + wide, top + high), fill=colour)
        draw.text((left + line, top), text, INK, letters)
    return picture


def _caption(row: FaceRow) -> str:
    return f"{class_labels([row.label])[0]} {row.probability:.0%}" if row.success else row.reason


def annotation_path(folder: Path, name: str) -> Path:
    """Returns where the drawing of a picture goes: its name below `folder`, as JPEG or PNG."""
    parts = PurePosixPath(name.replace("\\", "/").replace(":", "_")).parts
    path = folder.joinpath(*(part for part in parts if part.strip("/") not in ("", "..")))
    return path if path.suffix.lower() in _SAME_KIND else path.with_name(f"{path.name}.png")


def write_annotated(folder: Path, name: str, pixels: np.ndarray, rows: Sequence[FaceRow]) -> Path:
    """Writes the drawing of a picture whole or not at all, and returns its path.

    Raises:
        OSError: the folder cannot be written.
    """
    path = annotation_path(folder, name)
    with replacing(path) as draft:
        annotated(pixels, rows).save(draft, _SAME_KIND[path.suffix.lower()], quality=95)
    return path
