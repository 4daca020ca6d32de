"""Contact sheets: pages that show, before training, what the detector made of photographs."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from attention_fer.common.cards import GAP, SMALL, page
from attention_fer.common.text import font, wrap
from preprocessing.dataset.index import INDEX, REPAIR_HINT, read_dropped, read_rows
from preprocessing.dataset.manifest import DROPPED, IMAGES, read_manifest
from preprocessing.quality import thumbnails
from preprocessing.quality.thumbnails import FACE, PHOTO, Box, Thumbnail
from preprocessing.raw_files.files import Rejected, UnreadableError
from preprocessing.sources import Sample

_WIDTH = 4 * (PHOTO + FACE + 4 * GAP) + GAP  # of a page in pixels


@dataclass(frozen=True)
class _Face:
    """One row of the index; `number` is its position."""

    number: int
    label: str
    source: str
    box: Box | None
    score: str


def write_sheets(
    dataset_folder: str | Path,
    samples: Iterable[Sample | Rejected],
    out_folder: str | Path,
    per_class: int = 24,
) -> list[Path]:
    """Writes a PNG per class, and `dropped.png` for what was left out.

    The sheet of a class shows photographs, evenly spaced over its rows, with the boxes of their
    faces, and beside each what was stored. The last sheet divides its places among the reasons. The
    same dataset gives the same sheets.

    Args:
        dataset_folder: a prepared dataset.
        samples: the raw items that it was made from. They are iterated once, until all that will be
            shown are found, and only these are loaded.
        out_folder: where to write; sheets of the same name are replaced.
        per_class: most images on a sheet.

    Returns:
        The files, in the order of the classes, `dropped.png` last.

    Raises:
        ValueError: `per_class` is below 1, or the dataset is damaged.
        FileNotFoundError: `dataset_folder` holds no prepared dataset.
    """
    if per_class < 1:
        raise ValueError(f"per_class must be at least 1, got {per_class}.")
    folder, out = Path(dataset_folder), Path(out_folder)
    manifest = read_manifest(folder)
    labels, faces = _pick_faces(folder, per_class)
    reasons, lost = _pick_lost(folder / DROPPED, per_class)
    sources = {face.source for face in faces}
    photos = _photos(samples, sources | {item.source for item in lost})
    drawn = _face_cards(folder, faces, photos)
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for place, label in enumerate(manifest["classes"]):
        title = f"{label}: {len(drawn[label])} of {labels[label]:,} images"
        written.append(out / f"{place:02d}-{_file_name(label)}.png")
        page(drawn[label], _WIDTH, title, _settings(manifest)).save(written[-1])
    title = f"dropped: {len(lost)} of {reasons.total():,} items"
    counts = ", ".join(f"{reason} {n:,}" for reason, n in reasons.most_common())
    written.append(out / "dropped.png")
    page([_lost_card(item, photos) for item in lost], _WIDTH, title, counts).save(written[-1])
    return written


def _pick_faces(folder: Path, most: int) -> tuple[Counter[str], list[_Face]]:
    """Counts the rows of each class and picks those to show.

    The index is read once to count and once to pick, so that 200,000 rows are never held.
    """
    labels = Counter(label for (label,) in read_rows(folder / INDEX, ("label",)))
    images = len(np.load(folder / IMAGES, mmap_mode="r", allow_pickle=False))
    if labels.total() != images:
        raise ValueError(f"{folder} has {labels.total()} rows for {images} images. {REPAIR_HINT}")
    wanted = {label: _spread(number, most) for label, number in labels.items()}
    seen, chosen = Counter[str](), []
    for face in _read_faces(folder / INDEX):
        if seen[face.label] in wanted[face.label]:
            chosen.append(face)
        seen[face.label] += 1
    return labels, chosen


def _pick_lost(path: Path, most: int) -> tuple[Counter[str], list[Rejected]]:
    """Counts the items of each reason and picks those to show, the most frequent reason first."""
    reasons = Counter(item.reason for item in read_dropped(path))
    shares = _shares(reasons, most)
    wanted = {reason: _spread(number, shares[reason]) for reason, number in reasons.items()}
    seen = Counter[str]()
    chosen: dict[str, list[Rejected]] = defaultdict(list)
    for item in read_dropped(path):
        if seen[item.reason] in wanted[item.reason]:
            chosen[item.reason].append(item)
        seen[item.reason] += 1
    return reasons, [item for reason, _ in reasons.most_common() for item in chosen[reason]]


def _spread(number: int, most: int) -> set[int]:
    """Evenly spaced positions among `number`; all of them if there are no more than `most`."""
    count = min(number, most)
    return {(2 * i + 1) * number // (2 * count) for i in range(count)}


def _shares(counts: Counter[str], places: int) -> Counter[str]:
    """Divides the places among the reasons, one each in turn, the most frequent first."""
    shares, free = Counter[str](), min(places, counts.total())
    while free:
        for reason, number in counts.most_common():
            if free and shares[reason] < number:
                shares[reason] += 1
                free -= 1
    return shares


def _read_faces(index: Path) -> Iterator[_Face]:
    columns = ("label", "source", "x", "y", "width", "height", "score")
    for number, (label, source, *box, score) in enumerate(read_rows(index, columns)):
        try:
            found = tuple(map(float, box)) if all(box) else None
        except ValueError as error:
            raise ValueError(f"{index}, image {number}: {error}. {REPAIR_HINT}") from error
        yield _Face(number, label, source, found, score)


def _boxes(index: Path, sources: set[str]) -> dict[str, list[Box]]:
    """All boxes of these photographs."""
    found: dict[str, list[Box]] = {source: [] for source in sources}
    for face in _read_faces(index):
        if face.box and face.source in found:
            found[face.source].append(face.box)
    return found


def _photos(samples: Iterable[Sample | Rejected], sources: set[str]) -> Mapping[str, Thumbnail]:
    found: dict[str, Thumbnail] = defaultdict(Thumbnail)
    for item in samples if sources else ():
        if item.source in sources and item.source not in found:
            found[item.source] = _thumbnail(item)
            if len(found) == len(sources):
                break
    return found


def _thumbnail(item: Sample | Rejected) -> Thumbnail:
    if isinstance(item, Rejected):
        return Thumbnail(why=item.reason)
    try:
        return thumbnails.make_thumbnail(item.load())
    except UnreadableError as error:
        return Thumbnail(why=error.reason)
    except MemoryError:
        raise
    except Exception as error:  # one photograph less is better than no sheet
        return Thumbnail(why=f"{type(error).__name__}: {error}")


def _face_cards(
    folder: Path, faces: Sequence[_Face], photos: Mapping[str, Thumbnail]
) -> Mapping[str, list[Image.Image]]:
    """The cards of each class."""
    images = np.load(folder / IMAGES, mmap_mode="r", allow_pickle=False)
    boxes = _boxes(folder / INDEX, {face.source for face in faces})
    drawn: dict[str, list[Image.Image]] = defaultdict(list)
    for face in faces:
        photo, others = photos[face.source], boxes[face.source]
        pictures = [
            thumbnails.draw_boxes(photo, face.box, others),
            thumbnails.fit(images[face.number], FACE),
        ]
        captions = [face.source, _facts(face, photo, len(others))]
        drawn[face.label].append(thumbnails.draw_card(pictures, (PHOTO, FACE), captions))
    return drawn


def _facts(face: _Face, photo: Thumbnail, boxes: int) -> str:
    facts = [f"score {float(face.score):.2f}"] if face.score else []
    facts += ["face {2:.0f}x{3:.0f}".format(*face.box) if face.box else "no box"]
    facts += ["image {}x{}".format(*photo.size)] if photo.picture else []
    facts += [f"{boxes} faces"] if boxes > 1 else []
    return ", ".join(facts)


def _lost_card(item: Rejected, photos: Mapping[str, Thumbnail]) -> Image.Image:
    photo = photos[item.source]
    shown = photo if photo.picture else Thumbnail(why=item.reason)
    reason = f"{item.reason} ({item.label})" if item.label else item.reason
    detail = [*wrap(item.detail, PHOTO, font(SMALL), 2), "", ""][:2]
    captions = [item.source, reason, *detail]
    return thumbnails.draw_card([thumbnails.draw_boxes(shown)], (PHOTO,), captions)


def _settings(manifest: dict[str, Any]) -> str:
    """The detector and how faces were cut, in words; "" if the manifest does not say."""
    parameters = manifest.get("parameters")
    faces = parameters.get("faces") if isinstance(parameters, dict) else None
    if not isinstance(faces, dict):
        return ""
    return "; ".join(f"{name} {_in_words(value)}" for name, value in faces.items())


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_in_words(part)}" for name, part in value.items())
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    text = str(value)
    return text if len(text) <= 32 else f"{text[:12]}..."  # hashes


def _file_name(label: str) -> str:
    """A class name as part of a file name, on any system."""
    return re.sub(r"[^\w-]+", "_", label)[:50]
