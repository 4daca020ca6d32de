"""Folders of videos."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from attention_fer.predict.video.decoding import named_video
from preprocessing.raw_files.directory import DirectoryFiles
from preprocessing.raw_files.images import is_photograph


@dataclass(frozen=True)
class VideoFolder:
    """A folder with videos and no photographs.

    Attributes:
        path: path of the folder.
        videos: their paths within it, sorted.
        others: everything else in it, and why a link or folder could not be read.
    """

    path: str
    videos: Sequence[str]
    others: Sequence[str]


def video_folder(path: str) -> VideoFolder | None:
    """Searches a folder and its subfolders; None unless it has videos and no photographs."""
    if not path or not os.path.isdir(path):
        return None
    files = DirectoryFiles(Path(path))
    try:
        names = files.names()
    except OSError:  # the search for photographs says why
        return None
    videos = [name for name in names if named_video(name)]
    if not videos or any(map(is_photograph, names)):
        return None
    others = [files.source(name) for name in names if not named_video(name)]
    problems = [f"{item.source} ({item.reason})" for item in files.problems()]
    return VideoFolder(path, videos, [*others, *problems])
