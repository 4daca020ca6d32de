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
from benchmarks.plan.execution import JIT
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
    """The arguments of the command; a `prog` other than `PROGRAM` takes the table by position."""
    positional = prog != PROGRAM
    p = argparse.ArgumentParser(
        prog=prog,
        # Before the options: those that take several values would swallow it.
        usage=f"{prog} NAME [options]" if positional else None,
        description=description.replace(f"{PROGRAM} --table", prog) if positional else description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _what(p.add_argument_group("what is measured"), positional)
    _where(p.add_argument_group("where"))
    _how(p.add_argument_group("how it runs"))
    _changes(p.add_argument_group("changes to the profile"))
    return p


def changes(options: argparse.Namespace) -> dict[str, object]:
    """The settings that the arguments change."""
    names = [*(name.replace("-", "_") for name in CHANGES), "optimizer", "precision"]
    given = {**{name: getattr(options, name) for name in names}, **dict(options.set or ())}
    return {name: value for name, value in given.items() if value is not None}


def setting(text: str) -> tuple[str, Any]:
    """`name=value` as a setting; the value is JSON or else text.

    Raises:
        ValueError: no such setting, or no value.
    """
    name, sign, value = text.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError(f"--set takes NAME=VALUE, given: {text!r}.")
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value


def _what(group: argparse._ArgumentGroup, positional: bool) -> None:
    add = group.add_argument
    named = f"{', '.join(tables.names())}; or a Python file with a table of your own"
    if positional:
        add("table", metavar="NAME", help=named)
    else:
        add("--table", required=True, metavar="NAME", help=named)
    add(
        "--datasets",
        nargs="+",
        metavar="NAME",
        help="default: all below --data, of faces or, for --table eeg, of EEG",
    )
    add(
        "--backbones",
        nargs="+",
        metavar="NAME",
        help=f"default: those of the table; any of {', '.join(registered.backbones())}",
    )
    add(
        "--attentions",
        nargs="+",
        metavar="NAME",
        help=f"default: those of the table; any of {', '.join(['none', *registered.attentions()])}",
    )
    add(
        "--import",
        dest="imports",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="Python file that registers attention modules or backbones of your own, which "
        "--attentions and --backbones may then name; may be repeated",
    )
    add("--seeds", type=int, default=1, metavar="N", help="seeds 0 to N-1 (default 1)")
    add(
        "--profile",
        help="full (published recipe) or quick; default: full where a GPU is visible, else quick",
    )
    add(
        "--recipe",
        metavar="NAME",
        help=f"how rows without a recipe of their own are trained: {', '.join(recipes.names())}",
    )
    add("--variant", default="corrected", help="corrected (default) or published")
    add(
        "--protocol",
        help=f"split: {', '.join(splits.names())}; default: subject-10fold for CK+, loso for "
        "JAFFE, else official where the dataset has one, else hold-out",
    )
    add(
        "--control",
        action="store_true",
        help="beside each network with attention also its backbone without, widened to as many "
        "parameters",
    )


def _where(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--data", type=Path, default=Path("data"), help="folder of prepared datasets")
    add("--out", type=Path, default=Path("runs"), help="folder of the results")
    add(
        "--executor",
        default="local",
        help="where cells run: local (default), processes of this machine; or ray, a Ray cluster",
    )
    add(
        "--ray-address",
        default="auto",
        metavar="ADDRESS",
        help="of a running Ray cluster: HOST:6379, or ray://HOST:10001 from a machine outside it; "
        "default: auto, the one that this machine is part of",
    )
    add(
        "--shard",
        default="1/1",
        metavar="I/N",
        help="part I of N, from 1: the same command with each I runs on a machine of its own",
    )


def _how(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--jobs",
        type=int,
        metavar="N",
        help="cells at a time (default: 1 for each GPU, else one for each core, at most 4; on a "
        "Ray cluster 1 for each GPU, else one for two cores)",
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
        help="devices that share each cell's batches, or 'all' (default 1: of several GPUs each "
        "trains a cell of its own)",
    )
    add("--deterministic", action="store_true", help="the same digits each time, more slowly")
    add("--jit", choices=list(JIT), default="auto", help="XLA (default: auto, Keras's choice)")
    add("--steps-per-execution", type=int, metavar="N", help="training steps between two looks")
    add(
        "--cost",
        action="store_true",
        help="afterwards also measure the time of a training step and of a prediction beside the "
        "same backbone without attention, one network at a time",
    )
    add("--save-models", action="store_true", help="store each trained network, too: model.keras")
    add("--dry-run", action="store_true", help="show plan and estimate, run nothing")


def _changes(group: argparse._ArgumentGroup) -> None:
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
