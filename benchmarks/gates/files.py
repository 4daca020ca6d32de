"""Gate statistics and the losses without gates as CSV files and as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table

from benchmarks.gates.comparison import ALL, Loss
from benchmarks.gates.measure import GateStatistics
from benchmarks.report.formats.columns import p_value
from benchmarks.report.formats.csv_file import csv_text
from benchmarks.report.formats.figures import counted

GATES = (
    "model",
    "module",
    "name",
    "kind",
    "shape",
    "low",
    "high",
    "n",
    "mean",
    "least",
    "most",
    "across_images",
    "across_places",
    "saturated",
)
CHANNELS = ("model", "module", "name", "kind", "channel", "mean", "deviation")
LOSSES = (
    "way",
    "module",
    "networks",
    "n",
    "same",
    "before",
    "accuracy",
    "difference",
    "interval_low",
    "interval_high",
    "p",
    "p_mcnemar",
    "p_holm",
)


def gates_csv(models: Mapping[str, Sequence[GateStatistics]]) -> str:
    """Return a line for each gate and term of each model; `least` and `most` are of its means."""
    return csv_text(
        GATES,
        (
            {
                "model": model,
                "module": one.module,
                "name": one.name,
                "kind": one.kind,
                "shape": "x".join(map(str, one.mean.shape)),
                "low": one.bounds[0],
                "high": one.bounds[1],
                "n": one.n,
                "mean": one.level,
                "least": float(one.mean.min()),
                "most": float(one.mean.max()),
                "across_images": one.across_images,
                "across_places": one.across_places,
                "saturated": one.saturated,
            }
            for model, statistics in models.items()
            for one in statistics
        ),
    )


def channels_csv(models: Mapping[str, Sequence[GateStatistics]]) -> str:
    """Return a line for each channel of each gate and term that differs between channels."""

    def lines() -> Iterable[dict[str, Any]]:
        for model, statistics in models.items():
            for one in statistics:
                means, deviations = one.channels() or ((), ())
                for channel, mean in enumerate(means):
                    yield {
                        "model": model,
                        "module": one.module,
                        "name": one.name,
                        "kind": one.kind,
                        "channel": channel,
                        "mean": float(mean),
                        "deviation": float(deviations[channel]),
                    }

    return csv_text(CHANNELS, lines())


def losses_csv(losses: Sequence[Loss], networks: int) -> str:
    """Return a line for each change; without known classes only `same` is known."""

    def line(loss: Loss) -> dict[str, Any]:
        found = {name: getattr(loss, name, None) for name in LOSSES}
        difference = loss.difference
        if difference is not None:
            found["interval_low"], found["interval_high"] = difference.low, difference.high
            found["difference"], found["p"] = difference.mean, difference.p
        return {**found, "networks": networks}

    return csv_text(LOSSES, map(line, losses))


def gates_table(statistics: Sequence[GateStatistics]) -> Table:
    """Return the statistics of one model as text."""
    table = Table(box=box.SIMPLE_HEAD, title="Gates", title_justify="left")
    table.add_column("module", overflow="fold")
    table.add_column("gate", overflow="fold")
    for name in ("mean", "across images", "across places", "saturated"):
        table.add_column(name, justify="right", no_wrap=True)
    short = short_names(one.module for one in statistics)
    for one in statistics:
        share = "" if one.saturated is None else f"{100 * one.saturated:.1f} %"
        numbers = (one.level, one.across_images, one.across_places)
        name = one.name if one.kind == "gate" else f"{one.name} (added)"
        table.add_row(short[one.module], name, *(f"{value:.3f}" for value in numbers), share)
    return table


def losses_table(losses: Sequence[Loss], networks: int) -> Table:
    """Return the losses as text. With one network the interval covers test images only."""
    table = Table(box=box.SIMPLE_HEAD, title="Gates replaced", title_justify="left")
    table.add_column("gates of", overflow="fold")
    table.add_column("replaced by", overflow="fold")
    labelled = bool(losses) and losses[0].difference is not None
    p_name = "p" if networks > 1 else "p (McNemar)"
    for name in ("same answer", *(("difference", p_name) if labelled else ())):
        table.add_column(name, justify="right", no_wrap=True)
    short = {ALL: ALL, **short_names(loss.module for loss in losses if loss.module != ALL)}
    for loss in losses:
        cells = [f"{loss.same:.2f} %"]
        difference = loss.difference
        if difference is not None:
            cells += [
                f"{difference.mean:+.2f} [{difference.low:+.2f}, {difference.high:+.2f}]",
                p_value(loss.p_holm),
            ]
        table.add_row(short[loss.module], loss.way, *cells)
    return table


def short_names(modules: Iterable[str]) -> dict[str, str]:
    """Return the paths of modules without the model that they share and without "_attention"."""
    paths = list(dict.fromkeys(modules))
    parents = {path.rpartition("/")[0] for path in paths}
    shared = f"{parents.pop()}/" if len(parents) == 1 else ""
    names = [path.removeprefix(shared).removesuffix("_attention") for path in paths]
    return dict(zip(paths, names if len(set(names)) == len(names) else paths, strict=True))


def caption(losses: Sequence[Loss], networks: int, pictures: int) -> str:
    """Return what the figures of `losses_table` rest on."""
    text = f"{counted(pictures, 'picture')}, {counted(networks, 'network')}."
    if not losses or losses[0].difference is None:
        return f"{text} No picture is in a folder named after a class, so accuracy is unknown."
    known = losses[0].n
    text += (
        f" Accuracy is over the {counted(known, 'picture')} of known class; with the gates as they "
        f"are it is {losses[0].before:.2f} %. p-values are adjusted for all "
        f"{counted(len(losses), 'comparison')} (Holm)."
    )
    if networks > 1:
        return f"{text} 95 % intervals cover other trainings and other pictures."
    return f"{text} 95 % intervals cover other pictures only, not other trainings."
