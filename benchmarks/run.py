"""Runs a table: `python -m benchmarks.run --table attention`.

Finished cells are stored one by one under `--out` and skipped when the command is given again, so a
run may be interrupted or killed at any moment and goes on where it was.

Exit status: 0 if every cell is done, 1 if some failed or could not be stored, 2 for wrong
arguments, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import difflib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from attention_fer.checks import one_of
from benchmarks import data, estimate, formats, report, settings, tables
from benchmarks.cells import Cell, plan
from benchmarks.progress import LiveView
from benchmarks.runner import Runner, missing
from benchmarks.store import Store
from benchmarks.table import VARIANTS, Table
from preprocessing import sources, splits
from preprocessing.dataset import Dataset

BACKENDS = ("tensorflow", "jax", "torch")


@dataclass(frozen=True)
class Plan:
    """What the command line asks for."""

    table: Table
    cells: list[Cell]
    datasets: dict[str, Dataset]
    store: Store
    jobs: int
    gpus: int


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; see `--help`."""
    options = parser().parse_args(arguments)
    console = formats.console()
    try:
        asked = make_plan(options, console)
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    try:
        return carry_out(asked, options.dry_run, console)
    except KeyboardInterrupt:
        console.print("Interrupted. Finished cells are stored; the same command goes on.")
        return 130
    except OSError as error:
        # A full disk, a folder taken away: what is stored is whole, so the command can go on.
        print(f"error: {error}. Mend that; the same command goes on.", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    p = argparse.ArgumentParser(
        prog="python -m benchmarks.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("--table", required=True, help=f"one of: {', '.join(tables.names())}")
    p.add_argument("--datasets", nargs="+", metavar="NAME", help="default: all below --data")
    p.add_argument("--backbones", nargs="+", metavar="NAME", help="default: all of the table")
    p.add_argument("--attentions", nargs="+", metavar="NAME", help="default: all of the table")
    p.add_argument("--seeds", type=int, default=1, metavar="N", help="seeds 0 to N-1 (default 1)")
    p.add_argument(
        "--profile",
        help="full (published recipe) or quick; default: full where a GPU is visible, else quick",
    )
    p.add_argument("--variant", default="corrected", help="corrected (default) or published")
    single = [name for name in splits.names() if not splits.get(name).folds]
    p.add_argument("--protocol", default="official", help=f"split: {', '.join(single)}")
    p.add_argument("--data", type=Path, default=Path("data"), help="folder of prepared datasets")
    p.add_argument("--out", type=Path, default=Path("runs"), help="folder of the results")
    p.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="cells at a time (default: 1 with a GPU, "
        "else one for each two cores' worth of memory, at most the cores)",
    )
    p.add_argument(
        "--backend",
        default=os.environ.get("KERAS_BACKEND", "tensorflow"),
        help=f"{', '.join(BACKENDS)}; default: KERAS_BACKEND or tensorflow",
    )
    p.add_argument("--dry-run", action="store_true", help="show plan and estimate, run nothing")
    change = p.add_argument_group("changes to the profile")
    for name, kind in (
        ("width", float),
        ("epochs", int),
        ("patience", int),
        ("batch-size", int),
        ("learning-rate", float),
        ("train-samples", int),
        ("eval-samples", int),
    ):
        change.add_argument(f"--{name}", type=kind, metavar="X")
    change.add_argument("--optimizer", metavar="NAME", help="adam, sgd or by-norm")
    change.add_argument("--precision", metavar="POLICY", help="Keras dtype policy")
    return p


def make_plan(options: argparse.Namespace, console: Console) -> Plan:
    """Turns arguments into cells.

    Raises:
        ValueError: an unknown name or a number out of range.
        FileNotFoundError: a dataset that is not there.
    """
    table = tables.get(options.table)
    rows = table.select(options.backbones, options.attentions)
    one_of("variant", options.variant, VARIANTS)
    one_of("backend", options.backend, BACKENDS)
    splits.get(options.protocol)
    if options.seeds < 1 or (options.jobs is not None and options.jobs < 1):
        raise ValueError("--seeds and --jobs must be at least 1.")
    gpus = visible_gpus()
    chosen = settings.profile(
        options.profile or ("full" if gpus else "quick"),
        width=options.width,
        epochs=options.epochs,
        patience=options.patience,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        train_samples=options.train_samples,
        eval_samples=options.eval_samples,
        optimizer=options.optimizer and one_of("optimizer", options.optimizer, settings.OPTIMIZERS),
        precision=options.precision,
    )
    datasets = open_datasets(options.data, options.out, options.datasets, console)
    for dataset in datasets.values():
        data.split(dataset, options.protocol)  # A dataset may not have that split.
    cells = plan(
        rows,
        datasets.values(),
        chosen,
        options.seeds,
        protocol=options.protocol,
        variant=options.variant,
        backend=options.backend,
    )
    jobs = options.jobs or (1 if gpus else min(os.cpu_count() or 1, 4))
    return Plan(table, cells, datasets, Store(options.out / table.name), jobs, gpus)


def visible_gpus() -> int:
    """How many NVIDIA GPUs the driver lists; asked without loading a framework."""
    if shutil.which("nvidia-smi") is None or os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        return 0
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    return listed.stdout.count("GPU ") if listed.returncode == 0 else 0


def open_datasets(
    root: Path, out: Path, names: Sequence[str] | None, console: Console
) -> dict[str, Dataset]:
    """The asked-for datasets below `root`; the schematic faces are made where they are missing.

    Raises:
        FileNotFoundError: a dataset that is not there.
        ValueError: a damaged one.
    """
    found = {path.name: path for path in data.find(root)}
    opened: dict[str, Dataset] = {}
    for name in names or list(found) or ["schematic"]:
        if name == "schematic" and name not in found:
            found[name] = _schematic(out / ".schematic", console)
        if name not in found:
            raise FileNotFoundError(_no_dataset(name, root, found))
        dataset = Dataset.open(found[name])
        if dataset.name in opened:
            raise ValueError(
                f"{dataset.path} and {opened[dataset.name].path} both hold {dataset.name}: name "
                "one of the two folders with --datasets."
            )
        opened[dataset.name] = dataset
    return opened


def _no_dataset(name: str, root: Path, found: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, [*found, *sources.names()], n=1)
    hint = f" Did you mean {near[0]!r}?" if near and near[0] != name else ""
    make = near[0] if near and near[0] in sources.names() else "NAME"
    return (
        f"No prepared dataset {name!r} below {root}. There: {', '.join(found) or 'none'}.{hint} "
        f"One is made with: python -m preprocessing.run --dataset {make} --source PATH "
        f"--out {root / make}"
    )


def _schematic(folder: Path, console: Console) -> Path:
    from preprocessing.prepare import prepare

    try:
        Dataset.open(folder)
    except (FileNotFoundError, ValueError):  # none yet, or of an earlier version of ours
        console.print("Generating the schematic faces: they are synthetic.")
        prepare("schematic", None, folder, overwrite=True)
    return folder


def carry_out(asked: Plan, dry_run: bool, console: Console) -> int:
    """Shows the plan, runs what is missing, prints and writes the table."""
    todo = missing(asked.cells, asked.store)
    seconds = _announce(asked, todo, console)
    if dry_run:
        return 0
    failed: list[Cell] = []
    if todo:
        paths = {name: dataset.path for name, dataset in asked.datasets.items()}
        with LiveView(console, seconds, asked.jobs) as view:
            failed = Runner(asked.store, paths, asked.jobs, view).run(todo)
    _publish(asked, console)
    if failed:
        console.print(
            f"{len(failed)} cells failed; the same command tries them again.", style="red"
        )
    return 1 if failed else 0


def _announce(asked: Plan, todo: Sequence[Cell], console: Console) -> dict[str, float]:
    sizes = {
        name: (d.images.shape[1] * d.images.shape[2], len(data.split(d, protocol)["train"]))
        for name, d in asked.datasets.items()
        for protocol in {cell.protocol for cell in asked.cells}
    }
    seconds, measured = estimate.seconds(todo, asked.store.results(), sizes, asked.jobs, asked.gpus)
    source = (
        f"{measured} of {len(todo)} from finished cells of the same kind, the rest roughly"
        if measured
        else "a rough guess until the first cells are done"
    )
    console.print(
        f"Table {asked.table.name}: {len(asked.cells)} cells, "
        f"{len(asked.cells) - len(todo)} done, {len(todo)} to run, {asked.jobs} at a time; "
        f"about {estimate.human(sum(seconds.values()) / asked.jobs)} ({source}).",
        highlight=False,
    )
    console.print(
        f"Results and TensorBoard logs: {asked.store.root}", highlight=False, soft_wrap=True
    )
    return seconds


def _publish(asked: Plan, console: Console) -> None:
    """Prints the table and writes it as Markdown and CSV beside the results."""
    built = report.build(asked.table, asked.cells, asked.store)
    formats.show(built, "text", console)
    asked.store.root.mkdir(parents=True, exist_ok=True)
    for name, content in (("md", formats.markdown(built)), ("csv", formats.as_csv(built))):
        path = asked.store.root / f"{asked.table.name}.{name}"
        temporary = path.with_name(f"{path.name}.tmp")
        temporary.write_text(content, encoding="utf-8")
        os.replace(temporary, path)
        console.print(f"Written: {path}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
