"""Show what the attention modules of trained networks do, and whether the networks use them.

`python -m benchmarks.gates MODEL FOLDER --out gates`

The command collects the gates of all modules over the pictures, then replaces them by their means:
first for each channel and position, so that the gates no longer depend on the picture; then by one
number for each gate, so that they weigh nothing. If the network uses its gates, its answers change.
With pictures in folders named after the classes, or a prepared dataset, the accuracy is compared
picture by picture; networks that differ only in their seed are compared seed by seed, as in a
report.

The means come from the same pictures and use no labels.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from attention_fer.common.command import run
from attention_fer.explain.command.arguments import add_options, add_pictures, import_named

PROGRAM = "python -m benchmarks.gates"
GATES, CHANNELS, REPLACED, PICTURE = "gates.csv", "channels.csv", "replaced.csv", "gates.png"


def parser(prog: str = PROGRAM) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    result = argparse.ArgumentParser(
        prog,
        description=(__doc__ or "").replace(PROGRAM, prog),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add(
        "models",
        nargs="+",
        metavar="MODEL",
        help=(
            "a .keras file, or the folder of a cell stored with --save-models; several must be "
            "the same network with different seeds"
        ),
    )
    add_pictures(add)
    add("--out", type=Path, default=Path("gates"), metavar="FOLDER", help="default: gates")
    add("--batch-size", type=int, default=64, metavar="N", help="default: 64")
    add_options(add)
    return result


def main(arguments: Sequence[str] | None = None, prog: str = PROGRAM) -> int:
    """Run the command line. `prog` is the command that started it.

    Returns:
        Exit status: 0 done; 1 done, but some files could not be read; 2 wrong usage, no model, no
        picture, or a network without attention modules; 130 interrupted.
    """
    options = parser(prog).parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    return run(lambda: _gates(options))


def _gates(options: argparse.Namespace) -> int:
    from attention_fer.common.console import plain_console
    from attention_fer.common.files import write_bytes, write_text
    from benchmarks.gates import files
    from benchmarks.gates.comparison import losses, merged
    from benchmarks.gates.drawing import draw
    from benchmarks.gates.study import study

    console = plain_console()
    import_named(options.imports)
    studies = {path: study(path, options, console) for path in dict.fromkeys(options.models)}
    answers, true, clusters = merged([*studies.values()])
    effects, count = losses(answers, true, clusters), len(studies)
    gates = {path: one.gates for path, one in studies.items()}
    options.out.mkdir(parents=True, exist_ok=True)
    write_text(options.out / GATES, files.gates_csv(gates))
    write_text(options.out / CHANNELS, files.channels_csv(gates))
    write_text(options.out / REPLACED, files.losses_csv(effects, count))
    pictures = []
    for number, (path, one) in enumerate(gates.items(), start=1):
        pictures.append(PICTURE if count == 1 else f"gates-{number}-of-{count}.png")
        write_bytes(options.out / pictures[-1], draw(one, f"{path}, {one[0].n:,} pictures"))
        console.print(files.gates_table(one))
    console.print(files.losses_table(effects, count))
    console.print(files.caption(effects, count, len(true)), soft_wrap=True)
    print(f"{options.out}: {', '.join([GATES, CHANNELS, REPLACED, *pictures])}")
    return 1 if any(one.unreadable for one in studies.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
