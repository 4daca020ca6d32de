"""Zip archives to read, and what reading takes."""

from __future__ import annotations

import tracemalloc
import warnings
import zipfile

from preprocessing.raw_files.files import UnreadableError

ODD = ["a b/c  d.png", "Größe/日本.png", "line\nbreak.png", "tab\t'\".png", "back\\slash.png"]


def problems(files):
    return {item.source: item.reason for item in files.problems()}


def make_zip(path, members):
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of duplicate names
        for name, content in members:
            archive.writestr(name, content)
    return path


def peak_of(action):
    """What an action raises or returns, and the most memory it took."""
    tracemalloc.start()
    try:
        return action(), tracemalloc.get_traced_memory()[1]
    except UnreadableError as error:
        return error, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
