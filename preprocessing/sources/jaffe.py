"""JAFFE: 213 grey 256x256 photographs of seven expressions posed by ten Japanese women.

Lyons et al., "Coding Facial Expressions with Gabor Wavelets", 1998,
https://doi.org/10.1109/AFGR.1998.670949. Available for non-commercial research on request at
https://zenodo.org/records/3451524; nothing is downloaded here.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from attention_fer.common.class_names import BASIC
from preprocessing.raw_files.containers import containers, listing
from preprocessing.raw_files.files import Files, Rejected, joined
from preprocessing.raw_files.images import SUFFIXES, load_photograph
from preprocessing.sources.base import Notice, Raw, Sample, register

SUBJECTS = ("KA", "KL", "KM", "KR", "MK", "NA", "NM", "TM", "UY", "YM")
CODES = dict(zip(("AN", "DI", "FE", "HA", "SA", "SU", "NE"), BASIC, strict=True))
COUNTS = dict(zip(BASIC, (30, 29, 32, 31, 31, 30, 30), strict=True))
EXPECTED = "the directory or .zip that holds KA.AN1.39.tiff and the other images of JAFFE"

_NAME = re.compile(
    r"(?:.*/)?(?P<stem>(?P<subject>[A-Z]{2})\.(?P<code>[A-Z]{2})\d+\.\d+)\.(?P<suffix>[A-Z0-9]+)",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class _Image:
    """A file named as in JAFFE; its copies share the `stem`."""

    files: Files
    name: str
    stem: str
    subject: str
    label: str
    suffix: str

    @property
    def source(self) -> str:
        return self.files.source(self.name)


@register("jaffe", needs_path=EXPECTED)
def open_jaffe(path: str | Path, *, notice: Notice = warnings.warn) -> Raw:
    """Finds the images of JAFFE by their names, in whatever folders.

    Args:
        path: a directory or .zip, see `EXPECTED`.
        notice: never called.

    Returns:
        Samples by subject, class and name. Of several files of one image, a lossless one is read
        and the others are rejected, as is every file with another name.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: no image of JAFFE at `path`, or a damaged .zip.
    """
    places = containers(path, EXPECTED)
    found = [_recognise(files, name) for files in places for name in files.names()]
    images = [item for item in found if isinstance(item, _Image)]
    if not images:
        raise ValueError(
            f"No image of JAFFE at {path}: expected {EXPECTED}; found {listing(places)}. JAFFE is "
            "available for non-commercial research at https://zenodo.org/records/3451524."
        )
    first: dict[str, _Image] = {}
    for image in sorted(images, key=lambda image: SUFFIXES.index(image.suffix)):
        first.setdefault(image.stem, image)
    samples = []
    for one in sorted(first.values(), key=_order):
        load = partial(load_photograph, one.files, one.name)
        samples.append(Sample(load, one.label, one.subject, "", one.source))
    rest = [item for item in found if isinstance(item, Rejected)]
    rest += [
        Rejected(
            one.source, "second file of one image", f"{read.source} was used instead", one.label
        )
        for one in images
        for read in [first[one.stem]]
        if one is not read
    ]
    rest += [problem for files in places for problem in files.problems()]
    identity = joined(files.identity() for files in places)
    length = len(samples) + len(rest)
    return Raw(BASIC, chain(samples, rest), {"": COUNTS}, length, identity=identity)


def _recognise(files: Files, name: str) -> _Image | Rejected:
    source = files.source(name)
    match = _NAME.fullmatch(name)
    if match is None or f".{match['suffix'].lower()}" not in SUFFIXES:
        return Rejected(source, "not a JAFFE image", "expected a name like KA.AN1.39.tiff")
    subject, code = match["subject"].upper(), match["code"].upper()
    if code not in CODES:
        detail = f"{code}, expected {', '.join(CODES)}"
        return Rejected(source, "unknown expression code", detail)
    if subject not in SUBJECTS:
        detail = f"{subject}, expected {', '.join(SUBJECTS)}"
        return Rejected(source, "unknown subject", detail, CODES[code])
    stem, suffix = match["stem"].upper(), f".{match['suffix'].lower()}"
    return _Image(files, name, stem, subject, CODES[code], suffix)


def _order(image: _Image) -> tuple[str, int, str]:
    return image.subject, BASIC.index(image.label), image.stem
