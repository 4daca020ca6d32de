"""The `attention-fer` command, which starts the command lines of the three packages.

Importing this module loads nothing but the standard library; each subcommand imports only what it
needs.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import attention_fer
from attention_fer.common.checks import one_of

PROGRAM = "attention-fer"
BACKENDS = ("tensorflow", "jax", "torch")
PACKAGES = ("attention_fer", "preprocessing", "benchmarks")
PREDICT = ("onnxruntime", "PIL", "simplejpeg")
SERVE = (*PREDICT, "python_multipart", "starlette", "uvicorn")
PREPROCESSING = ("cv2", "filelock", "PIL", "rich", "simplejpeg", "sklearn")
BENCHMARKS = (*PREPROCESSING, "jinja2", "matplotlib", "scipy", "statsmodels", "tensorboardX")


class Command(NamedTuple):
    """A subcommand.

    Attributes:
        summary: One line for `attention-fer --help`.
        module: Module whose `main(arguments, prog)` runs it.
        extra: Extra of this distribution that installs `packages`.
        packages: Import names that it requires.
        backend: Whether it runs networks, so that Keras must find a backend.
        translate: Maps the arguments to those of `module`.
    """

    summary: str
    module: str
    extra: str
    packages: Sequence[str]
    backend: bool = False
    translate: Callable[[list[str]], list[str]] = list


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `attention-fer`.

    Args:
        arguments: The command line without the program's name; defaults to that of the process.

    Returns:
        Exit status: that of the subcommand, or 2 for an unknown subcommand or a missing extra.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given:
        return _fail(_help())
    name, *rest = given
    if name in ("-h", "--help"):
        print(_help())
        return 0
    if name == "--version":
        print(f"{PROGRAM} {attention_fer.__version__}")
        return 0
    try:
        command = COMMANDS[one_of("command", name, COMMANDS)]
    except ValueError as error:
        return _fail(f"error: {error}")
    try:
        return _run(name, command, rest)
    except KeyboardInterrupt:
        return 130


def import_siblings() -> None:
    """Imports this distribution's packages from the folder that holds `attention_fer`.

    A user's own `benchmarks` or `preprocessing`, in the current folder or on `PYTHONPATH`, then no
    longer shadows them, because Python does not search again for a package it has imported.
    """
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    try:
        for package in PACKAGES:
            importlib.import_module(package)
    finally:
        del sys.path[0]


def _run(name: str, command: Command, arguments: list[str]) -> int:
    """Runs a subcommand, or says in one line which extras it needs."""
    extras = _missing_extras(command)
    if not extras:
        import_siblings()
        try:
            run = importlib.import_module(command.module).main
        except ModuleNotFoundError as error:
            if not error.name or error.name.partition(".")[0] in PACKAGES:
                raise
            extras = [command.extra]
    if extras:
        needed = ",".join(extras)
        return _fail(
            f'error: {PROGRAM} {name} needs more packages: pip install "{PROGRAM}[{needed}]"'
        )
    return run(command.translate(arguments), prog=f"{PROGRAM} {name}")


def _missing_extras(command: Command) -> list[str]:
    missing = [command.extra] if not all(map(_installed, command.packages)) else []
    if command.backend and not any(map(_installed, BACKENDS)):
        missing.append("tensorflow")
    return missing


def _installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _fail(text: str) -> int:
    print(text, file=sys.stderr)
    return 2


def _help() -> str:
    lines = "\n".join(f"  {name:9}{command.summary}" for name, command in COMMANDS.items())
    return (
        f"usage: {PROGRAM} COMMAND ...\n\n"
        "Attention modules and backbones for facial-expression recognition, with a benchmark.\n\n"
        f"commands:\n{lines}\n\n"
        "options:\n"
        "  -h, --help  show this help; after a command, its own\n"
        "  --version   show the version"
    )


def _check(arguments: list[str]) -> list[str]:
    """Maps `check FOLDER [--strict]` to `prepare --check=FOLDER [--strict]`."""
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} check",
        description="Verify a prepared dataset and print its data card.",
    )
    parser.add_argument("folder", metavar="FOLDER", help="the prepared dataset, such as data/mine")
    strict = "exit with status 1 if anything could be a mistake"
    parser.add_argument("--strict", action="store_true", help=strict)
    given = parser.parse_args(arguments)
    return [f"--check={given.folder}", *(["--strict"] if given.strict else [])]


def _table(arguments: list[str]) -> list[str]:
    """Maps `--table NAME`, as `python -m benchmarks.run` takes it, to NAME in the first place."""
    parser = argparse.ArgumentParser(prog=f"{PROGRAM} table", add_help=False, allow_abbrev=False)
    parser.add_argument("--table", metavar="NAME")
    given, others = parser.parse_known_args(arguments)
    return arguments if given.table is None else [given.table, *others]


COMMANDS: Mapping[str, Command] = {
    "predict": Command(
        "name the facial expressions in photographs",
        "attention_fer.predict.__main__",
        "predict",
        PREDICT,
    ),
    "serve": Command(
        "name facial expressions on a web page, or over HTTP",
        "attention_fer.serve.__main__",
        "serve",
        SERVE,
    ),
    "prepare": Command(
        "prepare a dataset from photographs, a published archive or EEG recordings",
        "preprocessing.run",
        "preprocessing",
        PREPROCESSING,
    ),
    "check": Command(
        "verify a prepared dataset and print its data card",
        "preprocessing.run",
        "preprocessing",
        PREPROCESSING,
        translate=_check,
    ),
    "table": Command(
        "train the networks of a table and print it",
        "benchmarks.run.__main__",
        "benchmarks",
        BENCHMARKS,
        backend=True,
        translate=_table,
    ),
    "report": Command(
        "write a report from stored results",
        "benchmarks.report.__main__",
        "benchmarks",
        BENCHMARKS,
    ),
    "explain": Command(
        "show what a trained network looked at",
        "attention_fer.explain.__main__",
        "preprocessing",
        PREPROCESSING,
        backend=True,
    ),
    "gates": Command(
        "show what attention modules do, and whether networks use them",
        "benchmarks.gates.__main__",
        "benchmarks",
        BENCHMARKS,
        backend=True,
    ),
}


if __name__ == "__main__":
    sys.exit(main())
