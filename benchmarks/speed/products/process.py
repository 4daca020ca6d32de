"""The process of a product, from the caller's side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import attention_fer

WORKER = Path(__file__).with_name("worker.py")
ROOT = Path(attention_fer.__file__).parents[1]


class ProductError(ValueError):
    """A product cannot run; says why."""


@dataclass(frozen=True)
class ProductAnswer:
    """A product's answer about some pictures.

    Attributes:
        analysed: number of pictures.
        faces: number of faces with an expression.
        seconds: how long it took.
        version: version of the product.
        megabytes: memory of its process afterwards; None where the system does not say.
    """

    analysed: int
    faces: int
    seconds: float
    version: str
    megabytes: float | None


Ask = Callable[[str, int], ProductAnswer]
"""Analyses the next pictures ("pictures") or frames ("video"), as many as the number says.
Raises `ProductError` if the process ended or analysed fewer."""


@contextmanager
def answering(product: str, python: str | None, material: Path) -> Iterator[Ask]:
    """A product in a new process, which ends with the context.

    Args:
        product: a name of `worker.PRODUCTS`.
        python: the Python that runs it; None for this one, with this package.
        material: JSON file, see `worker`.

    Raises:
        ProductError: there is no such Python.
    """
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ}
    if python is None:
        python = sys.executable
        before = filter(None, [environment.get("PYTHONPATH")])
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), *before])
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        try:
            process = subprocess.Popen(
                [python, str(WORKER), product, str(material)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment,
            )
        except OSError as error:
            raise ProductError(f"{python} must be a Python: {error.strerror}") from error
        try:
            yield partial(_ask, process, errors)
        finally:
            process.kill()
            process.communicate()


def _ask(process: subprocess.Popen[str], errors: IO[str], kind: str, number: int) -> ProductAnswer:
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(f"{kind} {number}\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except BrokenPipeError:
        line = ""
    if not line:
        raise ProductError(_last_words(errors) or f"ended with exit status {process.wait()}")
    answer = ProductAnswer(**json.loads(line), megabytes=resident(process.pid))
    if answer.analysed != number:
        raise ProductError(f"analysed {answer.analysed} of {number} {kind}")
    return answer


def _last_words(errors: IO[str]) -> str:
    errors.seek(0)
    return next((line.strip() for line in reversed(errors.readlines()) if line.strip()), "")


def resident(process: int) -> float | None:
    """Returns the resident memory of a process in MB; None where there is no `/proc`."""
    try:
        pages = Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]
    except FileNotFoundError:
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6
