"""Contact sheets: pages that show, before training, what the detector found in photographs."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from attention_fer.common.cards import CARD, GAP, INK, LINE, PAPER, SMALL, page, write_lines
from attention_fer.common.text import cut, font, wrap
from preprocessing.dataset.index import INDEX, REPAIR_HINT, read_column, read_dropped, read_rows
from preprocessing.dataset.manifest import DROPPED, IMAGES, read_manifest
from preprocessing.raw_files.files import Rejected, UnreadableError
from preprocessing.sources import Sample

PHOTO, FACE = 208, 144  # longest side in pixels, of the photograph and of the stored image
CHOSEN, OTHER = (0, 255, 0), (255, 160, 0)  # box of the stored face, and of the photograph's others

Box = tuple[float, ...]
"""x, y, width, height in pixels of the photograph."""


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A photograph made small.

    Attributes:
        picture: None if the photograph cannot be shown.
        size: width and height of the photograph in pixels.
        why: the reason where there is no picture.
    """

    picture: Image.Image | None = None
    size: tuple[int, int] = (0, 0)
    why: str = "photograph not found"


def fit(image: np.ndarray, longest: int) -> Image.Image:
    """Scales an image to `longest` pixels along its longer side; enlarged pixels stay squares."""
    if image.ndim == 3 and image.shape[2] != 3:
        image = image[..., 0]
    picture = Image.fromarray(np.ascontiguousarray(image))
    scale = longest / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX
    return picture.resize((width, height), how).convert("RGB")


def draw_boxes(
    shown: Thumbnail, chosen: Box | None = None, boxes: Sequence[Box] = ()
) -> Image.Image:
    """Draws the boxes of faces on a thumbnail; an empty one says why there is no picture."""
    if shown.picture is None:
        picture = Image.new("RGB", (PHOTO, PHOTO), PAPER)
        write_lines(picture, (GAP, GAP), wrap(shown.why, PHOTO - 2 * GAP, font(SMALL), 8))
        return picture
    picture = shown.picture.copy()
    draw = ImageDraw.Draw(picture)
    for box in boxes:
        draw.rectangle(_corners(box, shown.size, picture.size), outline=OTHER)
    if chosen:
        draw.rectangle(_corners(chosen, shown.size, picture.size), outline=CHOSEN, width=2)
    return picture


def _corners(box: Box, size: tuple[int, int], small: tuple[int, int]) -> tuple[int, ...]:
    """Corners on the thumbnail, kept inside it so that every side shows."""
    scale, last = np.divide(small, size), np.subtract(small, 1)
    first = (np.array(box[:2]) * scale).round().clip(0, last)
    stop = (np.add(box[:2], box[2:]) * scale).round() - 1  # Pillow draws the last pixel, too
    return tuple(np.concatenate([first, stop.clip(first, last)]).astype(int).tolist())


def draw_card(
    pictures: Sequence[Image.Image], widths: Sequence[int], captions: Sequence[str]
) -> Image.Image:
    """Draws pictures side by side in columns of these widths, and lines of text below.

    The first line, a path, is cut at its beginning, the others at their end.
    """
    width = sum(widths) + (len(widths) + 1) * GAP
    text = PHOTO + 2 * GAP - 2
    result = Image.new("RGB", (width, text + 2 + len(captions) * LINE + GAP // 2), CARD)
    left = GAP
    for picture, column in zip(pictures, widths, strict=True):
        down = GAP + (PHOTO - picture.height) // 2
        result.paste(picture, (left + (column - picture.width) // 2, down))
        left += column + GAP
    letters, inside = font(SMALL), width - 2 * GAP
    path = cut(captions[0], inside, letters, keep_end=True)
    ImageDraw.Draw(result).text((GAP, text), path, INK, letters)
    rest = [cut(caption, inside, letters) for caption in captions[1:]]
    write_lines(result, (GAP, text + LINE), rest)
    return result


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
    faces, and next to each what was stored. The last sheet divides its places among the reasons.
    The same dataset gives the same sheets.

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
        name = re.sub(r"[^\w-]+", "_", label)[:50]  # works on any system
        written.append(out / f"{place:02d}-{name}.png")
        page(drawn[label], _WIDTH, title, _settings(manifest)).save(written[-1])
    title = f"dropped: {len(lost)} of {reasons.total():,} items"
    counts = ", ".join(f"{reason} {n:,}" for reason, n in reasons.most_common())
    written.append(out / "dropped.png")
    page([_lost_card(item, photos) for item in lost], _WIDTH, title, counts).save(written[-1])
    return written


def _pick_faces(folder: Path, most: int) -> tuple[Counter[str], list[_Face]]:
    """Counts the rows of each class and picks those to show."""
    labels = read_column(folder / INDEX, "label")
    images = len(np.load(folder / IMAGES, mmap_mode="r", allow_pickle=False))
    if len(labels) != images:
        raise ValueError(f"{folder} has {len(labels)} rows for {images} images. {REPAIR_HINT}")
    counts, shown = Counter(labels.tolist()), set()
    for label, number in counts.items():
        shown |= set(np.flatnonzero(labels == label)[list(_spread(number, most))].tolist())
    return counts, [face for face in _read_faces(folder / INDEX) if face.number in shown]


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
        image = item.load()  # uint8 (height, width) or (height, width, channels)
        return Thumbnail(fit(image, PHOTO), image.shape[1::-1])
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
        pictures = [draw_boxes(photo, face.box, others), fit(images[face.number], FACE)]
        captions = [face.source, _facts(face, photo, len(others))]
        drawn[face.label].append(draw_card(pictures, (PHOTO, FACE), captions))
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
    return draw_card([draw_boxes(shown)], (PHOTO,), captions)


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
