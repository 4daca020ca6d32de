"""The command line: one subcommand for each measurement, a module of this package."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from attention_fer.common.console import any_encoding, plain_console

MEASUREMENTS = {
    "layers": "each attention layer against a functional graph of Keras layers",
    "pipeline": "a training step with its input pipeline against data on the device",
    "training": "images per second of a recipe against plain Keras",
    "libraries": "images per second beside keras.applications and torchvision",
    "overhead": "share of a cell's time that is not training",
    "scale": "planning 100,000 cells and reporting 10,000 results",
    "cropping": "photographs to faces, against the published script",
    "topography": "topographic maps of EEG against mne.viz.plot_topomap",
    "memory": "peak memory when preparing up to 200,000 generated photographs",
}


def parser(what: str | None) -> argparse.ArgumentParser:
    """Returns the parser with the arguments of `what`; others may need missing libraries."""
    result = argparse.ArgumentParser(
        "python -m benchmarks.speed", description=sys.modules["benchmarks.speed"].__doc__
    )
    commands = result.add_subparsers(dest="what", required=True)
    for name, text in MEASUREMENTS.items():
        command = commands.add_parser(name, help=text)
        if name == what:
            module = importlib.import_module(f"benchmarks.speed.{name}")
            command.description = module.__doc__
            command.formatter_class = argparse.RawDescriptionHelpFormatter
            module.add_arguments(command.add_argument)
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line. Returns 0, or 2 if something is missing or wrong."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    any_encoding()
    console = plain_console()
    try:
        options = parser(next(iter(given), None)).parse_args(given)
        importlib.import_module(f"benchmarks.speed.{options.what}").run(options, console)
    except (ValueError, OSError, ImportError) as error:
        console.print(f"error: {error}", style="red")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
