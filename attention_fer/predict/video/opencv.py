"""Imports OpenCV for videos and cameras in one place and turns its output off."""

from __future__ import annotations

import os
from typing import Any

# What FFmpeg says of a damaged file becomes a reason in the table; -8 is its AV_LOG_QUIET.
_QUIET = {"OPENCV_LOG_LEVEL": "SILENT", "OPENCV_FFMPEG_LOGLEVEL": "-8"}


def import_opencv() -> Any:
    """Returns the module cv2, which prints nothing unless the environment says otherwise.

    Raises:
        ImportError: it is not installed.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            f'Videos and cameras need OpenCV ({error}): pip install "attention-fer[video]".'
        ) from error
    return cv2
