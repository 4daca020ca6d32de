"""Trains a list of networks during a short visit to a machine with a GPU.

    python -m benchmarks.visit bundle                    here: writes visit/, to take along
    python -m benchmarks.visit run --minutes 14 --out OUT    there, offline
    python -m benchmarks.visit collect OUT               here: stores the results under runs/

The list is benchmarks/visit/plan.txt, ordered by value. Results are written to OUT as cells finish,
so a visit may be cut off at any moment; the next one skips what is done.

Exit status: 0 if nothing is left to train, 1 if something is, 2 for wrong arguments.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

# Nothing that needs other packages is imported before those of the bundle can be found.
from attention_fer.common.command import run
from attention_fer.common.progress import lines

PLAN = Path(__file__).with_name("plan.txt")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, see `--help`; return the exit status."""
    options = _parser().parse_args(arguments)
    return run(lambda: options.command(options))


def _bundle(options: argparse.Namespace) -> int:
    from benchmarks.visit import bundle, requests

    planned = requests.read(options.plan, data=options.data, out=options.runs, extra=options.extra)
    size = bundle.make(
        options.folder,
        planned,
        python=options.python,
        machine=options.machine,
        without=options.without,
        raw=dict(options.raw),
    )
    print(f"{options.folder}: {size.describe()}")
    size.check(options.most)
    return 0


def _run(options: argparse.Namespace) -> int:
    from benchmarks.visit import unpacking

    work = unpacking.prepare(options.folder, options.work, lines(print, "files"))
    from benchmarks.visit import session

    return session.run(
        work,
        options.out,
        plan=options.plan,
        extra=options.extra,
        minutes=options.minutes - work.spent / 60,
        jobs=options.jobs,
        volume=options.volume,
        volumes=options.volumes,
    )


def _collect(options: argparse.Namespace) -> int:
    from benchmarks.visit import collecting

    for line in collecting.collect(options.results, options.runs, options.folder):
        print(line)
    return 0


def _named_path(text: str) -> tuple[str, Path]:
    name, sign, path = text.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError(f"--raw must be NAME=PATH, got {text!r}.")
    return name, Path(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.visit",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    bundle = commands.add_parser("bundle", help="write the folder to take along")
    bundle.add_argument("--data", type=Path, default=Path("data"), help="prepared datasets")
    bundle.add_argument("--python", default="3.12", help="version of Python there (default 3.12)")
    bundle.add_argument(
        "--machine", default="x86_64", help="CPU architecture there (default x86_64)"
    )
    bundle.add_argument(
        "--without",
        nargs="+",
        default=[],
        metavar="PACKAGE",
        help="packages already there, which need not travel",
    )
    bundle.add_argument(
        "--raw",
        nargs="+",
        type=_named_path,
        default=[],
        metavar="NAME=PATH",
        help="original images of a dataset, to send in place of its pixels",
    )
    bundle.add_argument(
        "--most", type=float, default=64.0, metavar="MIB", help="size with the checkout (64)"
    )
    bundle.set_defaults(command=_bundle)

    train = commands.add_parser("run", help="train the bundle's plan on the machine with the GPU")
    train.add_argument("--minutes", type=float, required=True, help="end before this many minutes")
    train.add_argument("--out", type=Path, required=True, help="folder for the results")
    train.add_argument("--work", type=Path, default=Path("runs"), help="folder for the work itself")
    train.add_argument("--jobs", type=int, default=4, help="cells at a time on the GPU (default 4)")
    train.add_argument(
        "--volume", type=float, default=15.0, metavar="MIB", help="size of a file in OUT (15)"
    )
    train.add_argument("--volumes", type=int, default=4, help="how many such files at most (4)")
    train.set_defaults(command=_run)

    collect = commands.add_parser("collect", help="store the results brought back")
    collect.add_argument("results", type=Path, help="folder brought back")
    collect.set_defaults(command=_collect)

    for one in (bundle, train, collect):
        one.add_argument("--folder", type=Path, default=Path("visit"), help="the bundle: visit/")
    for one in (bundle, collect):
        one.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the results")
    for one in (bundle, train):
        one.add_argument("--plan", type=Path, default=PLAN, help="list of runs to train")
        one.add_argument("extra", nargs="*", help="after --: arguments for each line of the plan")
    return parser


if __name__ == "__main__":
    sys.exit(main())
