"""Peak memory when preparing different numbers of generated photographs.

Each preparation runs in a separate process, `python -m preprocessing.run --dataset folder`, which
has its own peak. The photographs are 64x64 JPEG files of noise in a folder per class; faces are not
detected, so this measures the way from files to the prepared dataset.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track

from benchmarks.measurements import show

CLASSES, PER_FOLDER = 7, 1000


def add_arguments(add: Callable[..., Any]) -> None:
    """Adds the arguments of this measurement."""
    add("--images", type=int, nargs="+", default=[2_000, 20_000, 200_000], metavar="N")
    add("--size", type=int, default=48, metavar="N", help="side of an image (default: 48)")


def run(options: argparse.Namespace, console: Console) -> None:
    """Measures and prints a row for each number of images. Works on POSIX systems only."""
    rows = []
    for count in options.images:
        with tempfile.TemporaryDirectory() as folder:
            generate(Path(folder) / "raw", count, console)
            seconds, peak = prepare(Path(folder), options.size)
            images = (Path(folder) / "out" / "images.npy").stat().st_size
        numbers = (f"{count:,}", f"{images / 1e6:,.0f} MB", f"{peak / 1e6:,.0f} MB")
        rows.append((*numbers, f"{count / seconds:,.0f}"))
    columns = ("photographs", "images.npy", "peak memory", "photographs/s")
    show(console, "Preparing generated photographs", columns, rows)


def generate(root: Path, count: int, console: Console) -> None:
    """Writes `count` different photographs of noise, in a folder per class."""
    rng = np.random.default_rng(0)
    for number in track(range(count), "generating", console=console, transient=True):
        folder = root / f"class{number % CLASSES}" / f"{number // (CLASSES * PER_FOLDER):04d}"
        folder.mkdir(parents=True, exist_ok=True)
        pixels = cv2.resize(rng.integers(0, 256, (8, 8), np.uint8), (64, 64))
        cv2.imwrite(str(folder / f"s{number % 100:02d}_{number:06d}.jpg"), pixels)


def prepare(folder: Path, size: int) -> tuple[float, int]:
    """Prepares the photographs in `raw`. Returns seconds and the peak memory in bytes."""
    options = ["--detector", "none", "--size", str(size), "--subject-pattern", r"s\d\d"]
    where = ["--source", str(folder / "raw"), "--out", str(folder / "out")]
    command = [sys.executable, "-m", "preprocessing.run", "--dataset", "folder", *where, *options]
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    with child:
        # Read first: a child that has filled the pipe waits for its reader.
        errors = child.stderr.read().decode(errors="replace") if child.stderr else ""
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise ValueError(f"The preparation failed: {errors}")
    unit = 1 if sys.platform == "darwin" else 1024
    return seconds, usage.ru_maxrss * unit
