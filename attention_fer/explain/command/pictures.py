"""Pictures of a folder: which there are, of which class, and each as the model takes it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from attention_fer.explain.gallery.pil import Image, ImageOps

ENDINGS = (
    ".bmp",
    ".gif",
    ".jpeg",
    ".jpg",
    ".pgm",
    ".png",
    ".ppm",
    ".tif",
    ".tiff",
    ".webp",
)
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""Those of Pillow's that no other program takes part in: for EPS it starts one."""


class UnreadableError(ValueError):
    """A file that is no picture, with the reason as its text."""


@dataclass(frozen=True)
class Picture:
    """A file and the folder that it lies in, below the one looked through; "" for none."""

    path: Path
    name: str
    folder: str


def pictures(folder: str | os.PathLike[str]) -> list[Picture]:
    """The files below a folder whose names end as a picture's do, sorted; hidden ones are left out.

    A subfolder of the first level is the class of what lies below it.

    Raises:
        FileNotFoundError: no such folder or file.
        ValueError: there is no picture in it.
    """
    root = Path(folder)
    if root.is_file():
        return [Picture(root, root.name, "")]
    if not root.is_dir():
        raise FileNotFoundError(f"No folder of pictures at {str(root)!r}.")
    found = [path for path in sorted(root.rglob("*")) if _is_picture(path.relative_to(root), path)]
    if not found:
        raise ValueError(
            f"No picture in {str(root)!r}: expected files that end in {', '.join(ENDINGS)}, in it "
            "or in a subfolder for each class."
        )
    names = [path.relative_to(root) for path in found]
    return [
        Picture(path, name.as_posix(), name.parts[0] if len(name.parts) > 1 else "")
        for path, name in zip(found, names, strict=True)
    ]


def _is_picture(name: Path, path: Path) -> bool:
    hidden = any(part.startswith(".") for part in name.parts)
    return not hidden and name.suffix.lower() in ENDINGS and path.is_file()


def read(path: Path, size: tuple[int, int], channels: int) -> np.ndarray:
    """A picture as uint8 of shape `(height, width, channels)`.

    It is turned as its EXIF entry says, made grey or coloured, and resized as a whole: no face is
    looked for, and the sides may change their ratio. Of an animation the first frame is taken.

    Raises:
        UnreadableError: a file that cannot be read as a picture of 8 or 16 bits.
    """
    try:
        with Image.open(path, formats=FORMATS) as opened:
            picture = _eight_bits(ImageOps.exif_transpose(opened))
    except Exception as error:  # Decoders raise whatever they like on damaged files.
        raise UnreadableError(f"{type(error).__name__}: {error}") from error
    picture = picture.convert("L" if channels == 1 else "RGB")
    height, width = size
    resized = picture.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized, "uint8").reshape(height, width, channels)


def _eight_bits(picture: Image.Image) -> Image.Image:
    """A picture whose values go to 255; Pillow would cut off those above."""
    if picture.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(picture, "float64") / 257).round().astype("uint8"))
    if picture.mode in ("I", "F"):
        raise ValueError(f"values of 32 bits (mode {picture.mode}): save it with 8 or 16 bits")
    if "transparency" in picture.info or "A" in picture.getbands():
        opaque = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", opaque.size, "white"), opaque)
    return picture.convert("RGB") if picture.mode not in ("L", "RGB") else picture
