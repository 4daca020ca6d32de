"""The arguments of `python -m benchmarks.run`."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from attention_fer import recipes
from attention_fer.recipes import OPTIMIZERS
from benchmarks import tables
from benchmarks.plan import registered
from benchmarks.plan.job import JIT
from preprocessing import splits

PROGRAM = "python -m benchmarks.run"
BACKENDS = ("tensorflow", "jax", "torch")
# Changes to a profile that have an option of their own.
CHANGES = {
    "width": float,
    "epochs": int,
    "patience": int,
    "batch-size": int,
    "learning-rate": float,
    "train-samples": int,
    "eval-samples": int,
}


def parser(description: str = "", prog: str = PROGRAM) -> argparse.ArgumentParser:
    """Return the parser; a `prog` other than `PROGRAM` takes the table as first argument."""
    positional = prog != PROGRAM
    p = argparse.ArgumentParser(
        prog=prog,
        # NAME comes first, since an option with several values would take it as one of them.
        usage=f"{prog} NAME [options]" if positional else None,
        description=description.replace(f"{PROGRAM} --table", prog) if positional else description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = p.add_argument_group("what to train")
    _add_rows(what, positional)
    _add_training(what)
    _add_places(p.add_argument_group("where"))
    _add_execution(p.add_argument_group("how to run"))
    _add_changes(p.add_argument_group("changes to the profile"))
    return p


def changes(options: argparse.Namespace) -> dict[str, object]:
    """Return the settings that the arguments change."""
    names = [*(name.replace("-", "_") for name in CHANGES), "optimizer", "precision"]
    given = {**{name: getattr(options, name) for name in names}, **dict(options.set or ())}
    return {name: value for name, value in given.items() if value is not None}


def setting(text: str) -> tuple[str, Any]:
    """Return the name and value of `name=value`.

    The value is read as JSON or as True, False or None, or else as text.

    Raises:
        ArgumentTypeError: `text` has no equals sign.
    """
    name, sign, value = text.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError(f"--set must be NAME=VALUE, got {text!r}.")
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), {"True": True, "False": False, "None": None}.get(value, value)


def _add_rows(group: argparse._ArgumentGroup, positional: bool) -> None:
    add = group.add_argument
    named = f"{', '.join(tables.names())}; or a Python file that defines your own table"
    if positional:
        add("table", metavar="NAME", help=named)
    else:
        add("--table", required=True, metavar="NAME", help=named)
    add(
        "--datasets",
        nargs="+",
        metavar="NAME",
        help="default: all below --data that hold faces, or EEG for the table eeg",
    )
    add(
        "--backbones",
        nargs="+",
        metavar="NAME",
        help=f"default: those of the table; all, or any of {', '.join(registered.backbones())}",
    )
    add(
        "--attentions",
        nargs="+",
        metavar="NAME",
        help="default: those of the table; all, or any of "
        + ", ".join(["none", *registered.attentions()]),
    )
    add(
        "--import",
        dest="imports",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="Python file that registers your own attention modules or backbones, for use with "
        "--attentions and --backbones; may be repeated",
    )
    add(
        "--control",
        action="store_true",
        help="for each network with attention, also train its backbone without attention, widened "
        "to the same number of parameters",
    )


def _add_training(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--seeds", type=int, default=1, metavar="N", help="seeds 0 to N-1 (default 1)")
    add(
        "--profile",
        help="full (published recipe) or quick; default: full if a GPU is visible, else quick",
    )
    add(
        "--recipe",
        metavar="NAME",
        help=f"training recipe of rows that name none: {', '.join(recipes.names())}",
    )
    add("--variant", default="corrected", help="corrected (default) or published")
    add(
        "--protocol",
        help=f"split: {', '.join(splits.names())}; default: subject-10fold for CK+, loso for "
        "JAFFE; otherwise official if the dataset has it, else hold-out",
    )


def _add_places(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--data", type=Path, default=Path("data"), help="folder of prepared datasets")
    add("--out", type=Path, default=Path("runs"), help="folder for the results")
    add(
        "--executor",
        default="local",
        help="where cells run: local (default), in processes on this machine; or ray, on a cluster",
    )
    add(
        "--ray-address",
        default="auto",
        metavar="ADDRESS",
        help="address of a running Ray cluster: HOST:6379, or ray://HOST:10001 from outside the "
        "cluster; default: auto, the cluster that this machine belongs to",
    )
    add(
        "--shard",
        default="1/1",
        metavar="I/N",
        help=(
            "run part I of N, counted from 1; run the same command with a different I on each "
            "machine"
        ),
    )


def _add_execution(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--jobs",
        type=int,
        metavar="N",
        help="number of cells that run at the same time (default: one per GPU, else one per core, "
        "at most 4; on a Ray cluster one per GPU, else one per two cores)",
    )
    add(
        "--backend",
        default=os.environ.get("KERAS_BACKEND", "tensorflow"),
        help=f"{', '.join(BACKENDS)}; default: KERAS_BACKEND or tensorflow",
    )
    add(
        "--replicas",
        default="1",
        metavar="N",
        help=(
            "number of devices that share each cell's batches, or 'all' (default 1: with several "
            "GPUs, each trains its own cell)"
        ),
    )
    add(
        "--minutes",
        type=float,
        metavar="X",
        help=(
            "end after X minutes: cells that would not finish by then are not started, and those "
            "still running then are abandoned"
        ),
    )
    add("--deterministic", action="store_true", help="same digits in each run, but slower")
    add("--jit", choices=list(JIT), default="auto", help="XLA (default: auto, Keras's choice)")
    add(
        "--steps-per-execution",
        type=int,
        metavar="N",
        help="training steps per execution, as in Keras's `compile`",
    )
    add(
        "--epoch-loop",
        choices=["auto", "on", "off"],
        default="auto",
        help="JAX: compile an epoch as one loop over images that stay on the device (default: "
        "auto, on for one accelerator)",
    )
    add(
        "--cost",
        action="store_true",
        help="afterwards measure the time of a training step and of a prediction, relative to the "
        "same backbone without attention, one network at a time",
    )
    add(
        "--save-models", action="store_true", help="also store each trained network, as model.keras"
    )
    add(
        "--dry-run",
        action="store_true",
        help="show the plan and the estimated time, but run nothing",
    )


def _add_changes(group: argparse._ArgumentGroup) -> None:
    for name, kind in CHANGES.items():
        group.add_argument(f"--{name}", type=kind, metavar="X")
    group.add_argument("--optimizer", metavar="NAME", help=", ".join(OPTIMIZERS))
    group.add_argument(
        "--set",
        action="append",
        type=setting,
        metavar="NAME=VALUE",
        help="any other setting, such as ema=0.99, label_smoothing=0.1 or "
        "resample=inverse-frequency; see benchmarks.plan.settings",
    )
    group.add_argument("--precision", metavar="POLICY", help="Keras dtype policy")
