"""Turn one source into a prepared dataset folder."""

from __future__ import annotations

import errno
import json
import platform
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
import PIL
import sklearn

from . import splits
from .dataset import IMAGES, MANIFEST, SCHEMA_VERSION, Dataset, identity, stream
from .faces import DETECTION, FaceCropper
from .fingerprint import Fingerprint
from .pipeline import CHUNK, Made, make_rows
from .quality import Filter, Survey
from .sharpness import unlike
from .sources import Notice, Raw, Rejected, Source, get
from .staging import staging
from .writer import Writer

MOST_FAILURES = 100

T = TypeVar("T")
Track = Callable[[Iterable[T], str, "int | None", int], Iterable[T]]
"""``track(items, what, total, done)`` wraps a stream to show progress."""


def untracked(items: Iterable[T], what: str, total: int | None, done: int) -> Iterable[T]:
    """Show no progress."""
    return items


def prepare(
    name: str,
    path: str | Path | None,
    out: str | Path,
    *,
    overwrite: bool = False,
    restart: bool = False,
    drop_flat: bool = False,
    drop_duplicates: bool = False,
    without: Collection[str] = (),
    faces: FaceCropper | None = None,
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
        overwrite: replace a prepared dataset that is already there.
        restart: do not go on with an interrupted preparation, begin anew.
        drop_flat, drop_duplicates: leave out such images, see `quality.Filter`.
        without: classes to leave out.
        faces: makes the rows of a sample; None for `default_faces`.
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
    _check_request(source, path, options)
    notices: list[str] = []

    def tell(text: str) -> None:
        notices.append(text)
        notice(text)

    raw = source.open(path, notice=tell, **options)
    classes = _classes(source, raw, without)
    faces = faces or default_faces(source)
    settings: dict[str, Any] = {
        "source": None if path is None else str(path),
        "options": options,
        "without": sorted(without),
        "faces": faces.describe(),
        "drop_flat": drop_flat,
        "drop_duplicates": drop_duplicates,
    }
    with staging(out, overwrite=overwrite) as folder:
        request = {"dataset": source.name, **settings}
        with Writer(folder, classes, raw.columns, request, restart=restart) as writer:
            if writer.items:
                notice(f"going on after {writer.items:,} items that are done")
            rest = writer.rest(raw.items)
            # Detecting takes long: more than a batch at once would keep other threads waiting.
            at_once = faces.detector.batch if faces.detector else CHUNK
            made = make_rows(rest, faces, without=without, workers=workers, at_once=at_once)
            shown = track(stopping(made), source.name, raw.length, writer.items)
            try:
                _write(writer, shown, Filter(flat=drop_flat, duplicates=drop_duplicates))
            except OSError as error:
                raise _explained(error, out, writer) from error
        for text in deviations(raw, writer, without):
            tell(text)
        dataset = Dataset.unfinished(folder, source.name, classes)
        splits.write(dataset, folder)
        found, fingerprint = _survey(dataset, track)
        if blurred := unlike(found["sharpness"]):
            tell(blurred)
        content = {
            "schema_version": SCHEMA_VERSION,
            "dataset": source.name,
            "classes": list(classes),
            "seen": writer.used + writer.dropped.total(),
            "used": writer.used,
            "dropped": dict(writer.dropped.most_common()),
            "fingerprint": fingerprint,
            "items": writer.items,
            "image_shape": list(writer.shape),
            "counts": writer.table(),
            "dropped_examples": writer.examples,
            "distribution": raw.distribution,
            "synthetic": source.synthetic,
            "notices": notices,
            "quality": found,
            "parameters": settings,
            "versions": _versions(),
        }
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        (folder / MANIFEST).write_text(text, encoding="utf-8")
    return Dataset.open(out)


def default_faces(source: Source) -> FaceCropper:
    """What makes the rows of a source if nothing else is asked for.

    Faces are taken as they are; in photographs YOLO5Face finds the largest.
    """
    if source.faces:
        return FaceCropper(None)
    from .detectors import make

    return FaceCropper(make("yolo5face"))


def stopping(made: Iterable[Made], most: int = MOST_FAILURES) -> Iterator[Made]:
    """Pass on what was made, but stop where the detector fails at one photograph after the other.

    A single photograph at which it fails is rejected. A detector that is broken, or whose device
    is gone, would reject all the rest of a night; the failures before the stop are not passed on,
    so that a run that goes on tries them again.

    Raises:
        RuntimeError: it failed `most` times in a row.
    """
    failed: list[Made] = []
    for one in made:
        rejected = [item for item in one[1] if isinstance(item, Rejected)]
        if any(item.reason == DETECTION for item in rejected):
            failed.append(one)
            if len(failed) >= most:
                raise RuntimeError(
                    f"the detector failed at {most} photographs in a row, the last being "
                    f"{one[0]} ({rejected[0].detail}): mend that and repeat the command"
                )
            continue
        yield from failed
        failed.clear()
        yield one
    yield from failed


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


def _check_request(source: Source, path: str | Path | None, options: dict[str, Any]) -> None:
    if source.needs_path and path is None:
        raise ValueError(f"{source.name} needs --source: give {source.needs_path}")
    unknown = sorted(set(options) - source.options)
    if unknown:
        known = ", ".join(sorted(source.options)) or "none"
        raise ValueError(f"{source.name} has no option {unknown[0]!r}: its options are {known}")


def _classes(source: Source, raw: Raw, without: Collection[str]) -> tuple[str, ...]:
    unknown = sorted(set(without) - set(raw.classes))
    if unknown:
        known = ", ".join(raw.classes)
        raise ValueError(f"{source.name} has no class {unknown[0]!r} to leave out: it has {known}")
    left = tuple(label for label in raw.classes if label not in without)
    if not left:
        raise ValueError(f"all classes of {source.name} are left out: {', '.join(raw.classes)}")
    return left


def _write(writer: Writer, made: Iterable[Made], chosen: Filter) -> None:
    for image, source in writer.written():
        chosen.known(image, source)
    for source, rows in made:
        writer.add(source, [r if isinstance(r, Rejected) else chosen.apply(r) for r in rows])
    writer.finish()


def _explained(error: OSError, out: str | Path, writer: Writer) -> OSError:
    """What to do about a full disk; any other error as it is."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return error
    text = f"no room to write {out} after {writer.used:,} images: make room and repeat the command"
    return OSError(error.errno, f"{text}, it goes on from there")


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
