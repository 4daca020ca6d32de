"""Prepare a dataset: ``python -m preprocessing.run --dataset fer2013 --source archive.zip``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from . import sources
from .prepare import prepare
from .summary import show


class _Rate(ProgressColumn):
    """Images per second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f} images/s" if task.speed else "")


def parser() -> argparse.ArgumentParser:
    """The command line's arguments."""
    result = argparse.ArgumentParser("python -m preprocessing.run", description=__doc__)
    add = result.add_argument
    add("--dataset", required=True, metavar="NAME", help=f"one of {', '.join(sources.names())}")
    add("--source", metavar="PATH", help="the raw files: a directory, a .zip or a .csv")
    add("--out", metavar="DIR", help="folder to make (default: data/NAME)")
    add("--overwrite", action="store_true", help="replace a prepared dataset already there")
    add("--drop-duplicates", action="store_true", help="keep the first of byte-identical images")
    add("--drop-flat", action="store_true", help="leave out images of one grey level")
    add("--seed", type=int, metavar="N", help="for generated datasets (default: 0)")
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        Exit status: 0 done, 2 wrong usage or unreadable data, 130 interrupted.
    """
    args = parser().parse_args(arguments)
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    try:
        _prepare(args, Console(highlight=False, markup=False, soft_wrap=True), errors)
    except (ValueError, OSError) as error:
        errors.print(f"error: {error}", style="red")
        return 2
    except KeyboardInterrupt:
        errors.print("interrupted: nothing was written")
        return 130
    return 0


def _prepare(args: argparse.Namespace, output: Console, errors: Console) -> None:
    source = sources.get(args.dataset)
    options = {} if args.seed is None else {"seed": args.seed}
    with _progress(errors) as progress:
        dataset = prepare(
            source.name,
            args.source,
            args.out or f"data/{source.name}",
            overwrite=args.overwrite,
            drop_flat=args.drop_flat,
            drop_duplicates=args.drop_duplicates,
            track=lambda items: progress.track(items, source.length, description=source.name),
            notice=lambda text: errors.print(f"note: {text}", style="yellow"),
            **options,
        )
    show(dataset, output)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, _Rate(), TimeRemainingColumn(), console=console)


if __name__ == "__main__":
    sys.exit(main())
