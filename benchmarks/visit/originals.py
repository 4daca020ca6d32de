"""The images of a prepared dataset as their original files, which are smaller than pixels.

FER2013's 83 MB of pixels are 63 MB as tar.xz, but most of its JPEG files is the same header: all of
them together are 44 MB.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from attention_fer.common.progress import Track
from preprocessing.dataset.folder import Dataset
from preprocessing.dataset.manifest import IMAGES
from preprocessing.raw_files.containers import container
from preprocessing.raw_files.files import read_bytes
from preprocessing.raw_files.images import decode_grey

# The contents one after the other, in the order of the rows; and the number of bytes of each.
CONTENTS, SIZES = "originals.bin", "originals.npz"
FILES = (CONTENTS, SIZES)


def write(dataset: Dataset, raw: Path, folder: Path) -> None:
    """Write the original files of a dataset's images, which must be grey and of its size.

    Args:
        dataset: the prepared dataset.
        raw: what it was prepared from, a folder or zip archive.
        folder: where the two files are written.

    Raises:
        ValueError: `raw` lacks an image, or it has other pixels than the prepared one.
    """
    files = container(raw, "the original images")
    names = {files.source(name): name for name in files.names()}
    lengths = []
    with open(folder / CONTENTS, "wb") as contents:
        for row, source in enumerate(dataset.sources):
            if source not in names:
                raise ValueError(f"{raw} must hold the images of {dataset.path}, lacks {source}.")
            data = read_bytes(files, names[source])
            if not np.array_equal(_decode(data, dataset.images.shape), dataset.images[row]):
                raise ValueError(f"{source} in {raw} must have the pixels of {dataset.path}.")
            lengths.append(len(data))
            contents.write(data)
    np.savez(folder / SIZES, lengths=np.array(lengths), shape=np.array(dataset.images.shape))


def restore(folder: Path, track: Track) -> None:
    """Replace the files of `write` by the prepared images.

    Args:
        folder: folder of the dataset.
        track: shows progress.

    Raises:
        ValueError: the images are not those of the dataset's fingerprint, for example because
            another version of Pillow decodes them differently.
    """
    with np.load(folder / SIZES) as sizes:
        lengths, shape = sizes["lengths"], tuple(sizes["shape"].tolist())
    ends = np.cumsum(lengths)
    data = (folder / CONTENTS).read_bytes()
    images = np.lib.format.open_memmap(folder / IMAGES, "w+", np.uint8, shape)
    places = list(zip(ends, lengths, strict=True))
    decoding = track(places, f"decoding {folder.name}", len(places), 0)
    for row, (end, length) in enumerate(decoding):
        images[row] = _decode(data[end - length : end], shape)
    images.flush()
    for name in FILES:
        (folder / name).unlink()
    Dataset.open(folder).verify()


def _decode(data: bytes, shape: tuple[int, ...]) -> np.ndarray:
    return decode_grey(data, size=(shape[2], shape[1]))[..., None]
