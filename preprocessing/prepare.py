"""Turn one source into a prepared dataset folder."""

from __future__ import annotations

import errno
import json
import platform
import warnings
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeGuard

import cv2
import numpy as np
import PIL
import sklearn

from preprocessing import splits
from preprocessing.dataset.fingerprint import Fingerprint
from preprocessing.dataset.folder import (
    DROPPED,
    IMAGES,
    MANIFEST,
    SCHEMA_VERSION,
    SHEETS,
    SPLITS,
    Dataset,
    identity,
    stream,
)
from preprocessing.dataset.index import INDEX, sha256
from preprocessing.dataset.row import Row
from preprocessing.dataset.staging import check_target, staging
from preprocessing.dataset.writer import Writer
from preprocessing.faces.cropper import CROPPING, DETECTION, NO_EYES, NO_FACE, FaceCropper
from preprocessing.pipeline import CHUNK, Processed, cores, make_rows
from preprocessing.quality.contact_sheet import write_sheets
from preprocessing.quality.sharpness import unlike
from preprocessing.quality.survey import Filter, Survey
from preprocessing.sources import Notice, Raw, Rejected, Source, get
from preprocessing.tracking import Track, untracked

MOST_FAILURES = 100
MOST_PHOTOGRAPHS = 64  # held decoded at once, of 36 MB each at 12 megapixels

_ANSWERS = {NO_FACE, NO_EYES, CROPPING}
"""Rejections that show that the detector works."""


def prepare(
    name: str,
    path: str | Path | None,
    out: str | Path,
    *,
    title: str | None = None,
    overwrite: bool = False,
    restart: bool = False,
    drop_flat: bool = False,
    drop_duplicates: bool = False,
    without: Collection[str] = (),
    faces: FaceCropper | None = None,
    sheets: bool = False,
    workers: int | None = None,
    track: Track = untracked,
    notice: Notice = warnings.warn,
    **options: Any,
) -> Dataset:
    """Read a dataset and write it as a folder, whole or not at all.

    A call that was interrupted is continued by the same call: what it finished is not done again.

    Args:
        name: a registered source, see `sources.names`.
        path: where the raw files lie; None for a source that needs none.
        out: the folder to make.
        title: what the dataset is called; None for the source's name or, where a source reads any
            dataset, that of `out`.
        overwrite: replace a prepared dataset that is already there.
        restart: do not go on with an interrupted preparation, begin anew.
        drop_flat, drop_duplicates: leave out such images, see `quality.Filter`.
        without: classes to leave out.
        faces: makes the rows of a sample; None for `default_faces`.
        sheets: draw contact sheets too, see `sheet.write_sheets`.
        workers: number of threads; None for one per core.
        track: shows progress.
        notice: called with each sentence that also goes into the manifest's notices.
        **options: handed to the source's ``open``.

    Raises:
        ValueError: unknown name, option or class, nothing readable at `path`, no usable image, or
            an interrupted preparation with other settings.
        FileNotFoundError: nothing at `path`.
        FileExistsError, BlockingIOError: `out` is taken, see `staging.staging`.
        OSError: the disk is full.
        RuntimeError: the detector fails at everything, see `stopping`.
    """
    source = get(name)
    check_request(source, path, out, overwrite, without, options)
    notices: list[str] = []

    def tell(text: str) -> None:
        notices.append(text)
        notice(text)

    raw = source.open(path, notice=tell, **options)
    classes = _classes(source, raw, without)
    faces = faces or default_faces(source)
    settings: dict[str, Any] = {
        "source": None if path is None else str(Path(path).resolve()),
        "options": options,
        "without": sorted(without),
        "faces": faces.describe(),
        "drop_flat": drop_flat,
        "drop_duplicates": drop_duplicates,
    }
    with staging(out, overwrite=overwrite) as folder, _room(out):
        request = {"dataset": source.name, "raw files": raw.identity, **settings}
        with Writer(folder, classes, raw.columns, request, restart=restart) as writer:
            rest = writer.rest(raw.items)
            if writer.items:
                notice(f"going on after {writer.items:,} items that are done")
            workers, at_once = _load(faces, workers)
            made = make_rows(rest, faces, without=without, workers=workers, at_once=at_once)
            shown = track(stopping(made), source.name, raw.length, writer.items)
            chosen = Filter(flat=drop_flat, duplicates=drop_duplicates)
            if drop_duplicates:
                for image, where in writer.written():
                    chosen.known(image, where)
            _write(writer, shown, chosen)
        for text in [*deviations(raw, writer, without), *_empty(classes, writer)]:
            tell(text)
        title = title or (source.name if source.names_dataset else Path(out).resolve().name)
        dataset = Dataset.unfinished(folder, title, classes)
        splits.write(dataset, folder)
        found, fingerprint = _survey(dataset, track)
        if blurred := unlike(found["sharpness"]):
            tell(blurred)
        content = {
            **_account(writer, title, fingerprint),
            "source": source.name,
            "distribution": raw.distribution,
            "synthetic": source.synthetic,
            "notices": notices,
            "quality": found,
            "parameters": settings,
            "versions": _versions(),
        }
        text = json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n"
        (folder / MANIFEST).write_text(text, encoding="utf-8")
        if sheets:
            again = source.open(path, notice=lambda text: None, **options)  # all was said before
            write_sheets(folder, again.items, folder / SHEETS)
    return Dataset.open(out)


def default_faces(source: Source) -> FaceCropper:
    """What makes the rows of a source if nothing else is asked for.

    Faces are taken as they are; in photographs YOLO5Face finds the largest.
    """
    if source.kind != "photographs":
        return FaceCropper(None)
    from preprocessing.detectors import make

    return FaceCropper(make("yolo5face"))


def stopping(made: Iterable[Processed], most: int = MOST_FAILURES) -> Iterator[Processed]:
    """Pass on what was made, but stop where the detector fails at one photograph after the other.

    A single photograph at which it fails is rejected. A detector that is broken, or whose device
    is gone, would reject all the rest of a night; the failures before the stop are not passed on,
    so that a run that goes on tries them again.

    Raises:
        RuntimeError: it failed `most` times in a row.
    """
    waiting: list[Processed] = []  # from the first failure on; what never reached the detector too
    failures = 0
    for one in made:
        found = [item.detail for item in one[1] if _is(item, {DETECTION})]
        failures += bool(found)
        if failures >= most:
            raise RuntimeError(
                f"the detector failed at {most} photographs in a row, the last being "
                f"{one[0]} ({found[0]}): mend that and repeat the command"
            )
        if any(isinstance(item, Row) or _is(item, _ANSWERS) for item in one[1]):
            yield from waiting
            waiting.clear()
            failures = 0
        if failures:
            waiting.append(one)
        else:
            yield one
    yield from waiting


def _is(item: Row | Rejected, reasons: Collection[str]) -> TypeGuard[Rejected]:
    return isinstance(item, Rejected) and item.reason in reasons


def deviations(raw: Raw, writer: Writer, without: Collection[str] = ()) -> list[str]:
    """Sentences on where the counts differ from the published ones; empty where none does."""
    found = []
    for split, published in (raw.expected or {}).items():
        expected = {label: n for label, n in published.items() if label not in without}
        used = {label: writer.counts[split, label] for label in expected}
        if used != expected:
            total, wanted = sum(used.values()), sum(expected.values())
            off = [f"{c} {used[c]:,} of {n:,}" for c, n in expected.items() if used[c] != n]
            part = split or "the dataset"
            found.append(f"{part} has {total:,} images, published are {wanted:,}: {', '.join(off)}")
    return found


def check_request(
    source: Source,
    path: str | Path | None,
    out: str | Path,
    overwrite: bool,
    without: Collection[str],
    options: dict[str, Any],
) -> None:
    """What can be said of a request before anything is read, loaded or fetched.

    Raises:
        ValueError, FileNotFoundError, FileExistsError: as `prepare`.
    """
    if isinstance(without, str):
        raise ValueError(f"got without={without!r}: expected a list of classes, as [{without!r}]")
    if source.needs_path and path is None:
        raise ValueError(f"{source.name} needs --source: give {source.needs_path}")
    unknown = sorted(set(options) - source.options)
    if unknown:
        known = ", ".join(sorted(source.options)) or "none"
        raise ValueError(f"{source.name} has no option {unknown[0]!r}: its options are {known}")
    if path is not None and source.needs_path:
        if not Path(path).exists():
            raise FileNotFoundError(f"no file or directory at {path}: give {source.needs_path}")
        if Path(path).is_dir() and Path(path).resolve() in Path(out).resolve().parents:
            raise ValueError(
                f"{out} lies inside {path}, where it would be read the next time: give another out"
            )
    check_target(Path(out).resolve(), overwrite)


def _classes(source: Source, raw: Raw, without: Collection[str]) -> tuple[str, ...]:
    unknown = sorted(set(without) - set(raw.classes))
    if unknown:
        known = ", ".join(raw.classes)
        raise ValueError(f"{source.name} has no class {unknown[0]!r} to leave out: it has {known}")
    left = tuple(label for label in raw.classes if label not in without)
    if not left:
        raise ValueError(f"all classes of {source.name} are left out: {', '.join(raw.classes)}")
    return left


def _load(faces: FaceCropper, workers: int | None) -> tuple[int | None, int]:
    """Threads, and items that each takes at a time."""
    if faces.detector is None:
        return workers, CHUNK
    # Detecting takes long: more than a batch at a time would keep other threads waiting.
    batch = faces.detector.batch
    if workers is None:  # each thread holds a batch of decoded photographs
        workers = max(2, min(cores(), MOST_PHOTOGRAPHS // batch))
    return workers, batch


def _write(writer: Writer, made: Iterable[Processed], chosen: Filter) -> None:
    for source, rows in made:
        writer.add(source, [r if isinstance(r, Rejected) else chosen.apply(r) for r in rows])
    writer.finish()


def _empty(classes: Collection[str], writer: Writer) -> list[str]:
    """Sentences on classes of which nothing is left."""
    used = {label for _, label in writer.counts}
    return [f"no image of {label} is left" for label in classes if label not in used]


@contextmanager
def _room(out: str | Path) -> Iterator[None]:
    """Say what to do about a full disk; any other error passes as it is."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        text = f"no room to write {out}: make room and repeat the command, it goes on from there"
        raise OSError(error.errno, text) from error


def _account(writer: Writer, title: str, fingerprint: str) -> dict[str, Any]:
    """What the manifest says of what was written."""
    return {
        "schema_version": SCHEMA_VERSION,
        "dataset": title,
        "classes": list(writer.classes),
        "seen": writer.used + writer.dropped.total(),
        "used": writer.used,
        "dropped": dict(writer.dropped.most_common()),
        "fingerprint": fingerprint,
        "files": {name: sha256(writer.folder / name) for name in (INDEX, DROPPED, SPLITS)},
        "items": writer.items,
        "image_shape": list(writer.shape),
        "counts": writer.table(),
        "dropped_examples": writer.examples,
    }


def _survey(dataset: Dataset, track: Track) -> tuple[dict[str, Any], str]:
    """One pass over all images: what the manifest says of their quality, and the fingerprint."""
    survey, content = Survey(), Fingerprint(dataset.classes)
    images = track(stream(dataset.path / IMAGES), "checking", len(dataset), 0)
    for image, cells in zip(images, identity(dataset), strict=True):
        survey.add(image)
        content.add(image, *cells)
    return survey.report(dataset), content.hexdigest()


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pillow": PIL.__version__,
        "opencv": cv2.__version__,
        "scikit-learn": sklearn.__version__,
    }
