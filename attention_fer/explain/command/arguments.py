"""Arguments shared by the commands that run a stored model over pictures."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from typing import Any

from attention_fer.common.imports import import_file


def add_pictures(add: Callable[..., Any]) -> None:
    """Adds the folder of pictures, the last positional argument."""
    add(
        "images",
        metavar="FOLDER",
        help=(
            "folder or .zip of pictures, with a subfolder per class or without; or a prepared "
            "dataset"
        ),
    )


def add_options(add: Callable[..., Any]) -> None:
    """Adds the options that say which pictures to use and how the model takes them."""
    add(
        "--classes",
        nargs="+",
        metavar="NAME",
        help="class names in order, or a file that lists them",
    )
    add("--pixels", metavar="SCALE", help="0-255 or 0-1 (default: inferred and printed)")
    add("--size", type=int, metavar="N", help="height and width, if the model accepts any size")
    add(
        "--whole",
        action="store_true",
        help="use pictures as they are, as crops of faces, even if the network's data were cropped",
    )
    add("--limit", type=int, metavar="N", help="use only N pictures, evenly spaced")
    add(
        "--import",
        dest="imports",
        action="append",
        default=[],
        metavar="FILE",
        help="Python file or module that registers custom layers of the model; may be repeated",
    )


def import_named(names: Iterable[str]) -> None:
    """Imports Python files and modules, given as to `--import`.

    Raises:
        ImportError, OSError, ValueError: there is no such module, or as `import_file`.
    """
    for name in names:
        import_file(name) if name.endswith(".py") else importlib.import_module(name)
