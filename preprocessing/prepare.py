"""Turn one source into a prepared dataset folder."""

from __future__ import annotations

import errno
import platform
import shutil
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import cv2
import numpy as np
import PIL
import sklearn

from attention_fer.common.checks import one_of
from attention_fer.common.class_names import position
from attention_fer.common.files import sha256
from attention_fer.common.progress import Track, untracked
from preprocessing import splits
from preprocessing.dataset.folder import Dataset
from preprocessing.dataset.index import IndexRow
from preprocessing.dataset.manifest import HASHED, SCHEMA_VERSION, SHEETS, write_manifest
from preprocessing.dataset.staging import check_target, staging
from preprocessing.dataset.writer import DatasetWriter
from preprocessing.faces.cropper import CROPPING, DETECTION, NO_EYES, NO_FACE, FaceCropper
from preprocessing.faces.squares import MEASURED_WITH
from preprocessing.pipeline import CHUNK, Processed, cores, make_rows
from preprocessing.quality.contact_sheet import write_sheets
from preprocessing.quality.doubts import doubts
from preprocessing.quality.report import NONE_LEFT, counted
from preprocessing.quality.survey import Filter, blur_warning, survey_images
from preprocessing.sources import Doubt, Notice, Raw, Rejected, Source, get
from preprocessing.splits.schemes import what_was_divided

MOST_FAILURES = 100
MOST_PHOTOGRAPHS = 64  # decoded at the same time, of 36 MB each at 12 megapixels

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
    faces: FaceCropper | Callable[[], FaceCropper] | None = None,
    sheets: bool = False,
    workers: int | None = None,
    track: Track = untracked,
    notice: Notice = warnings.warn,
    **options: Any,
) -> Dataset:
    """Reads a dataset and writes it as a folder, whole or not at all.

    If a call was interrupted, the same call resumes it without repeating finished work.

    Args:
        name: a registered source, see `sources.names`.
        path: the raw files; None for a source that needs none.
        out: the folder to make.
        title: the dataset's name; None for the source's name or, if the source reads any dataset,
            the name of `out`.
        overwrite: replace an existing prepared dataset.
        restart: start over instead of resuming an interrupted preparation.
        drop_flat, drop_duplicates: leave out such images, see `survey.Filter`.
        without: classes to leave out.
        faces: makes the rows of a sample; or a function without arguments that returns such an
            object, called once the raw files are known to be good; None for `default_faces`.
        sheets: also draw contact sheets, see `contact_sheet.write_sheets`.
        workers: number of threads; None for one per core.
        track: shows progress.
        notice: called with each sentence that also goes into the manifest: a `Doubt` into its
            warnings, which a check repeats, any other into its notices.
        **options: passed to the source's `open`.

    Raises:
        ValueError: unknown name, option or class, nothing readable at `path`, no usable image, or
            an interrupted preparation with other settings.
        FileNotFoundError: nothing at `path`.
        FileExistsError, BlockingIOError: `out` is taken, see `staging.staging`.
        OSError: the disk is full; the same call resumes once there is space.
        RuntimeError: the detector fails every time, see `stop_if_broken`.
    """
    source = get(name)
    check_request(source, path, out, overwrite, without, options)
    notices: list[str] = []

    def note(text: str) -> None:
        if text not in notices:
            notices.append(text)
            notice(text)

    raw = source.open(path, notice=note, **options)
    without = _left_out(source, raw, without)
    classes = tuple(label for label in raw.classes if label not in without)
    if not isinstance(faces, FaceCropper):
        faces = faces() if faces else default_faces(source)
    if faces.like and faces.detector and faces.detector.name != MEASURED_WITH:
        note(
            Doubt(
                f"Crops like those of {faces.like} were measured with the boxes of "
                f"{MEASURED_WITH}; {faces.detector.name} draws other boxes, so the crops differ."
            )
        )
    parameters = {
        "source": None if path is None else str(Path(path).resolve()),
        "options": options,
        "without": sorted(without),
        "faces": faces.describe(),
        "drop_flat": drop_flat,
        "drop_duplicates": drop_duplicates,
    }
    title = title or (source.name if source.names_dataset else Path(out).resolve().name)
    job = _Job(source, raw, title, parameters, faces, track, notices, note)
    request = {"dataset": source.name, "raw files": raw.identity, **parameters}
    with staging(out, overwrite=overwrite) as folder, _explained_full_disk(out):
        with DatasetWriter(folder, classes, raw.columns, request, restart=restart) as writer:
            _write_images(job, writer, workers, notice)
        _write_description(job, writer)
        shutil.rmtree(folder / SHEETS, ignore_errors=True)  # of an interrupted run
        if sheets:
            again = source.open(path, notice=lambda text: None, **options)  # all noted already
            write_sheets(folder, again.items, folder / SHEETS)
    return Dataset.open(out)


@dataclass(frozen=True, eq=False)
class _Job:
    """One preparation. `parameters` and `notices`, some of them a `Doubt`, go into the manifest."""

    source: Source
    raw: Raw
    title: str
    parameters: dict[str, Any]
    faces: FaceCropper
    track: Track
    notices: list[str]
    note: Notice


def _write_images(job: _Job, writer: DatasetWriter, workers: int | None, notice: Notice) -> None:
    """Crops and writes the items that are not done yet."""
    given = job.parameters
    items = writer.rest(job.raw.items)
    if writer.items:
        notice(f"Resuming after {writer.items:,} finished items.")
    workers, at_once = _load(job.faces, workers)
    made = make_rows(items, job.faces, without=given["without"], workers=workers, at_once=at_once)
    chosen = Filter(flat=given["drop_flat"], duplicates=given["drop_duplicates"])
    if given["drop_duplicates"]:
        for image, source in writer.written():
            chosen.known(image, source)
    shown = job.track(stop_if_broken(made), job.source.name, job.raw.length, writer.items)
    for source, rows in shown:
        writer.add(source, [r if isinstance(r, Rejected) else chosen.apply(r) for r in rows])
    writer.finish()
    for doubt in losses(writer):
        job.note(doubt)
    for doubt in deviations(job.raw, writer, given["without"]):
        # What the user left out is no mistake.
        job.note(str(doubt) if given["drop_flat"] or given["drop_duplicates"] else doubt)


def _write_description(job: _Job, writer: DatasetWriter) -> None:
    """Writes splits and manifest next to the images."""
    dataset = Dataset.unfinished(writer.folder, job.title, writer.classes)
    splits.write(dataset, writer.folder)
    for text in what_was_divided(dataset):
        job.note(text)
    for doubt in doubts(dataset, people_matter=job.source.kind == "photographs"):
        job.note(doubt)
    survey, fingerprint = survey_images(dataset, job.track)
    quality = survey.report(dataset)
    if blurred := blur_warning(quality["sharpness"]):
        job.note(blurred)
    content = {
        "schema_version": SCHEMA_VERSION,
        "dataset": job.title,
        "classes": list(writer.classes),
        "seen": writer.used + writer.dropped.total(),
        "used": writer.used,
        "dropped": dict(writer.dropped.most_common()),
        "fingerprint": fingerprint,
        "files": {name: sha256(writer.folder / name) for name in HASHED},
        "items": writer.items,
        "image_shape": list(writer.shape),
        "counts": writer.table(),
        "dropped_examples": writer.examples,
        "source": job.source.name,
        "distribution": job.raw.distribution,
        "synthetic": job.source.synthetic,
        "notices": [text for text in job.notices if not isinstance(text, Doubt)],
        "warnings": [text for text in job.notices if isinstance(text, Doubt)],
        "quality": quality,
        "parameters": job.parameters,
        "versions": _versions(),
    }
    write_manifest(writer.folder, content)


def default_faces(source: Source) -> FaceCropper:
    """The usual way to make the rows of a source.

    Faces are taken as they are; in photographs, the default detector finds the largest one.
    """
    if source.kind != "photographs":
        return FaceCropper(None)
    from preprocessing.detectors import DEFAULT, make

    return FaceCropper(make(DEFAULT))


def stop_if_broken(made: Iterable[Processed], most: int = MOST_FAILURES) -> Iterator[Processed]:
    """Passes rows on, but stops if the detector fails on one photograph after another.

    A single failure rejects its photograph. A broken detector, or one whose device is gone, would
    reject all the rest. Failures before the stop are not passed on, so a resumed run tries them
    again.

    Raises:
        RuntimeError: the detector failed `most` times in a row.
    """
    waiting: list[Processed] = []  # from the first failure on, with items the detector never saw
    failures = 0
    for one in made:
        found = [item.detail for item in one[1] if _is(item, {DETECTION})]
        failures += bool(found)
        if failures >= most:
            raise RuntimeError(
                f"The detector failed on {most} photographs in a row, the last being "
                f"{one[0]} ({found[0]}). Fix this, then rerun the same command to resume."
            )
        if any(isinstance(item, IndexRow) or _is(item, _ANSWERS) for item in one[1]):
            yield from waiting
            waiting.clear()
            failures = 0
        if failures:
            waiting.append(one)
        else:
            yield one
    yield from waiting


def _is(item: IndexRow | Rejected, reasons: Collection[str]) -> TypeGuard[Rejected]:
    return isinstance(item, Rejected) and item.reason in reasons


def losses(writer: DatasetWriter) -> Iterator[Doubt]:
    """Yields a sentence each on failures of the detector, many faces not found and empty classes.

    A few photographs without a face are usual; from a tenth on, they may be a mistake.
    """
    if failed := writer.dropped[DETECTION]:
        yield Doubt(
            f"The detector failed on {counted(failed, 'photograph')}, e.g. "
            f"{writer.examples[DETECTION][0]}. Prepare again once it works."
        )
    lost = writer.dropped[NO_FACE]
    if lost and 10 * lost >= lost + writer.used:
        yield Doubt(
            f"No face was found in {counted(lost, 'photograph')}; the others gave "
            f"{counted(writer.used, 'image')}. Look at them with --sheet. If they show nothing but "
            "faces, give --detector none."
        )
    filled = {label for _, label in writer.counts}
    for label in writer.classes:
        if label not in filled:
            yield Doubt(NONE_LEFT.format(label))


def deviations(raw: Raw, writer: DatasetWriter, without: Collection[str] = ()) -> Iterator[Doubt]:
    """Yields a sentence for each part whose counts differ from the published ones."""
    for split, published in (raw.expected or {}).items():
        expected = {label: n for label, n in published.items() if label not in without}
        used = {label: writer.counts[split, label] for label in expected}
        if used != expected:
            total, wanted = sum(used.values()), sum(expected.values())
            off = [f"{c} {used[c]:,} of {n:,}" for c, n in expected.items() if used[c] != n]
            yield Doubt(
                f"{split or 'The dataset'} has {total:,} images instead of the published "
                f"{wanted:,}: {', '.join(off)}."
            )


def check_request(
    source: Source,
    path: str | Path | None,
    out: str | Path,
    overwrite: bool,
    without: Collection[str],
    options: dict[str, Any],
) -> None:
    """Checks all that can be checked before anything is read, loaded or downloaded.

    Raises:
        ValueError, FileNotFoundError, FileExistsError: as `prepare`.
    """
    if isinstance(without, str):
        raise ValueError(f"without must be a list of classes, got {without!r}. Use [{without!r}].")
    if source.needs_path and path is None:
        raise ValueError(f"{source.name} needs --source. Give {source.needs_path}.")
    if path is not None and not source.needs_path:
        raise ValueError(f"{source.name} reads no files, got the source {path}. Leave it out.")
    unknown = sorted(set(options) - source.options)
    if unknown:
        known = ", ".join(sorted(source.options)) or "none"
        raise ValueError(f"{source.name} has no option {unknown[0]!r}. Its options are: {known}.")
    if path is not None:
        if not Path(path).exists():
            raise FileNotFoundError(f"No file or directory at {path}. Give {source.needs_path}.")
        if Path(path).is_dir() and Path(path).resolve() in Path(out).resolve().parents:
            raise ValueError(
                f"{out} lies inside {path}, where the next run would read it. Give another --out."
            )
    check_target(Path(out).resolve(), overwrite)


def _left_out(source: Source, raw: Raw, without: Collection[str]) -> set[str]:
    """Returns the classes that these names mean. Raises ValueError."""
    found = set()
    for label in sorted(without):
        place = position(label, raw.classes)
        what = f"class of {source.name} to leave out"
        found.add(one_of(what, label, raw.classes) if place is None else raw.classes[place])
    if found == set(raw.classes):
        raise ValueError(f"All classes of {source.name} are left out: {', '.join(raw.classes)}.")
    return found


def _load(faces: FaceCropper, workers: int | None) -> tuple[int | None, int]:
    """Number of threads, and of items that each takes at a time."""
    if faces.detector is None:
        return workers, CHUNK
    # Detection is slow: more than a batch at a time would keep other threads waiting.
    batch = faces.detector.batch
    if workers is None:  # each thread holds a batch of decoded photographs
        workers = max(2, min(cores(), MOST_PHOTOGRAPHS // batch))
    return workers, batch


@contextmanager
def _explained_full_disk(out: str | Path) -> Iterator[None]:
    """Names what was being written if the disk is full; any other error passes unchanged."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise OSError(error.errno, f"No space left to write {out}") from error


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pillow": PIL.__version__,
        "opencv": cv2.__version__,
        "scikit-learn": sklearn.__version__,
    }
