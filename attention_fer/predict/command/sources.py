"""Turns the arguments into work: photographs, videos or a camera."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from attention_fer.predict.command import show
from attention_fer.predict.command.work import PictureWork, PredictionWork
from attention_fer.predict.pictures import PictureFile, find_pictures
from attention_fer.predict.predictor import Predictor
from attention_fer.predict.video import Follower, FrameChoice, VideoFile, is_video
from attention_fer.predict.video.annotating import SUFFIX
from attention_fer.predict.video.choosing import seconds
from attention_fer.predict.video.folders import VideoFolder, video_folder
from preprocessing.raw_files.images import is_photograph

Opened = Callable[[Predictor], PredictionWork]
"""The work to do once there is a predictor."""

_OF_VIDEOS = ("every", "fps", "start", "end")
_OF_CAMERAS = ("seconds",)
SILENT = "annotated videos have no sound"


def source(args: argparse.Namespace, stack: ExitStack) -> Opened:
    """Checks the arguments and opens what they name, before anything large is loaded.

    Args:
        args: the arguments.
        stack: closes what was opened.

    Raises:
        ValueError, OSError, ImportError: something wrong, missing or not installed.
    """
    if args.camera is not None:
        return _camera(args, stack)
    if not args.inputs:
        raise ValueError(
            "INPUT must be a photograph, video, folder or archive, got nothing. See --help."
        )
    folders = {path: video_folder(path) for path in args.inputs}
    videos = [path for path in args.inputs if is_video(path) or folders[path]]
    if not videos:
        return _pictures(args)
    if others := [path for path in args.inputs if path not in videos]:
        raise ValueError(
            f"Videos and photographs must be given to separate commands, got {videos[0]!r} and "
            f"{others[0]!r}."
        )
    return _videos(args, folders)


def _refuse(args: argparse.Namespace, names: Sequence[str], what: str) -> None:
    for name in names:
        if getattr(args, name) is not None:
            raise ValueError(f"--{name} has no effect on {what}. Leave it out.")


def _pictures(args: argparse.Namespace) -> Opened:
    _refuse(args, (*_OF_VIDEOS, *_OF_CAMERAS, "smooth", "baseline"), "photographs")
    found = find_pictures(args.inputs)
    annotate = _annotate_folder(args, found.pictures)
    quiet = not (args.out or annotate)
    return lambda predictor: PictureWork(predictor, found, annotate, quiet)


def _videos(args: argparse.Namespace, folders: Mapping[str, VideoFolder | None]) -> Opened:
    from attention_fer.predict.command.video_work import VideoWork

    _refuse(args, _OF_CAMERAS, "videos")
    choice = _choice(args)
    Follower(args.smooth)
    videos = _once(
        video
        for path, folder in folders.items()
        for video in ([VideoFile(path)] if folder is None else _within(folder, len(folders) == 1))
    )
    drawings = _drawings(args.annotate, videos, [one for one in folders.values() if one])
    quiet = not (args.out or drawings)
    return lambda predictor: VideoWork(predictor, videos, choice, args.smooth, drawings, quiet)


def _once(videos: Iterable[VideoFile]) -> list[VideoFile]:
    """Drops videos that an earlier path leads to, and says so."""
    found: dict[str, VideoFile] = {}
    for video in videos:
        first = found.setdefault(os.path.realpath(video.path), video)
        if first is not video:
            known, again = show.plain(first.name), show.plain(video.name)
            show.note(f"left out, already given as {known}: {again}")
    return list(found.values())


def _within(folder: VideoFolder, alone: bool) -> list[VideoFile]:
    """The videos of a folder, named by their paths within it, or by their whole paths."""
    if folder.others:
        show.note(f"left out, not a video: {show.several(folder.others)}")
    paths = {os.path.join(folder.path, name): name for name in folder.videos}
    return [VideoFile(path, name if alone else path) for path, name in paths.items()]


def _camera(args: argparse.Namespace, stack: ExitStack) -> Opened:
    from attention_fer.predict.command.camera_work import CameraWork, now
    from attention_fer.predict.video.cameras import open_camera

    if args.inputs:
        raise ValueError(f"INPUT has no effect with --camera, got {args.inputs[0]!r}.")
    if args.camera < 0:
        raise ValueError(f"--camera must be at least 0, got {args.camera}.")
    if args.seconds is not None and not args.seconds > 0:
        raise ValueError(f"--seconds must be above 0, got {args.seconds}.")
    _refuse(args, _OF_VIDEOS, "a camera")
    Follower(args.smooth)
    annotate = None if args.annotate is None else Path(args.annotate)
    if annotate and annotate.suffix.lower() != SUFFIX:
        raise ValueError(f"--annotate must end in {SUFFIX} for a camera, got {args.annotate!r}.")

    if annotate:
        show.note(SILENT)
    capture = stack.enter_context(open_camera(args.camera))
    show.note("Control-C stops the camera" + (" and writes the table" if args.out else ""))
    name = f"camera {args.camera}"
    return lambda predictor: CameraWork(
        predictor, capture, name, args.smooth, args.seconds, annotate, now()
    )


def _choice(args: argparse.Namespace) -> FrameChoice:
    start = 0.0 if args.start is None else seconds("--start", args.start)
    end = None if args.end is None else seconds("--end", args.end)
    return FrameChoice(1 if args.every is None else args.every, args.fps, start, end)


def _drawings(
    annotate: str | None, videos: Sequence[VideoFile], folders: Sequence[VideoFolder]
) -> Mapping[str, Path]:
    """Where the annotated videos go; they must not replace videos or each other, nor be read."""
    if annotate is None:
        return {}
    path = Path(annotate)
    for folder in folders:
        place = Path(folder.path).resolve()
        if place in (path.resolve(), *path.resolve().parents):
            raise ValueError(
                f"--annotate must lead to a folder apart from the videos, got {annotate!r}."
            )
    if path.suffix.lower() == SUFFIX and not path.is_dir():
        if len(videos) > 1:
            raise ValueError(
                f"--annotate must be a folder for {len(videos)} videos, got {annotate!r}."
            )
        found = {videos[0].name: path}
    else:
        root = _folder(annotate, f" or end in {SUFFIX}")
        found = {video.name: root / _drawing_name(video, folders) for video in videos}
    taken = {video.path.resolve() for video in videos}
    for place in found.values():
        if place.resolve() in taken:
            raise ValueError(
                f"--annotate must not lead to {place}, which another video already uses."
            )
        taken.add(place.resolve())
    show.note(SILENT)
    return found


def _drawing_name(video: VideoFile, folders: Sequence[VideoFolder]) -> str:
    """The name of the annotated video, with its subfolder if a single folder was given."""
    inside = len(folders) == 1 and video.name in folders[0].videos
    return f"{Path(video.name if inside else video.path.name).with_suffix(SUFFIX)}"


def _annotate_folder(args: argparse.Namespace, pictures: Sequence[PictureFile]) -> Path | None:
    """The folder of drawings, which must neither replace photographs or each other nor be read."""
    if args.annotate is None:
        return None
    folder = Path(args.annotate).resolve()
    for given in args.inputs:
        place = Path(given).resolve()
        place = place if place.is_dir() else place.parent
        inside = place in folder.parents and Path(given).is_dir()
        if folder == place or inside:
            raise ValueError(
                f"--annotate must be a folder apart from the photographs, got {args.annotate!r}."
            )
    _check_drawings(_folder(args.annotate), pictures)
    return Path(args.annotate)


def _folder(annotate: str, otherwise: str = "") -> Path:
    """Checks a folder that exists or can be created; `drawing.png` is not meant as one."""
    path = Path(annotate)
    if not path.is_dir() and (path.exists() or is_video(annotate) or is_photograph(annotate)):
        raise ValueError(f"--annotate must be a folder{otherwise}, got {annotate!r}.")
    return path


def _check_drawings(folder: Path, pictures: Sequence[PictureFile]) -> None:
    from attention_fer.predict.drawing import annotation_path

    sources = {os.path.realpath(picture.path) for picture in pictures if picture.path}
    drawn: dict[str, str] = {}
    for picture in pictures:
        if picture.broken:
            continue
        place = os.path.realpath(annotation_path(folder, picture.name))
        if place in sources:
            raise ValueError(
                f"--annotate must be a folder apart from the photographs, got {str(folder)!r}, "
                f"where the drawing of {picture.name} would replace a photograph."
            )
        first = drawn.setdefault(place, picture.name)
        if first is not picture.name:
            raise ValueError(
                f"--annotate must give each picture a file of its own, but {first} and "
                f"{picture.name} would both become {place}. Give them to separate commands."
            )
