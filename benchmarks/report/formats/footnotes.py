"""What stands under a table: what its numbers are, what they rest on, and what is lacking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.plan.cell import Cell
from benchmarks.plan.plan import Plan
from benchmarks.plan.settings import Settings
from benchmarks.report.analysis import Comparison
from benchmarks.report.formats.figures import Section, View, counted, reason
from benchmarks.results.store import Result
from benchmarks.statistics.paired import LEVEL
from benchmarks.statistics.verdict import NOTHING

# Folders and failures that are told one by one; the rest is counted.
LISTED = 5
# Settings that are always told, in this order; others where they are not the usual ones.
ALWAYS = (
    "width",
    "activation",
    "epochs",
    "patience",
    "batch_size",
    "optimizer",
    "learning_rate",
    "zoom",
    "flip",
    "train_samples",
    "eval_samples",
    "norm_momentum",
    "precision",
)


def of_section(section: Section, view: View) -> list[str]:
    """About one target: data, split, sizes, training, machines."""
    plan = view.report.plan
    results = [result for line in section.lines for result in line.entry.done]
    parts = [_data(section, results), _training(section, plan)]
    if results:
        parts.append(f"Measured on {_machines(results)}.")
    return parts


def of_view(view: View) -> list[str]:
    """About the whole report: how to read it, and what is lacking."""
    comparisons = [line.entry.comparison for line in view.lines if line.entry.comparison]
    notes = [_spread(view), *_differences(view, comparisons), _picked(view), _published(view)]
    return [note for note in [*notes, gaps(view), ignored(view)] if note]


def gaps(view: View) -> str:
    """Missing and failed cells, with reasons; "" where there are none."""
    entries = [line.entry for line in view.lines]
    planned = sum(entry.planned for entry in entries)
    missing = sum(len(entry.missing) for entry in entries)
    failed = [result for entry in entries for result in entry.failed]
    if not missing and not failed:
        return ""
    text = f"Of {counted(planned, 'cell')}, {missing:,} are missing and {len(failed):,} failed"
    reasons = Counter(reason(result.record) for result in failed).most_common()
    told = [f"{count:,} x {why}" for why, count in reasons[:LISTED]]
    more = [f"{len(reasons) - LISTED:,} more reasons"] if len(reasons) > LISTED else []
    return text + (f": {'; '.join([*told, *more])}" if told else "") + "."


def ignored(view: View) -> str:
    """Folders that count for nothing; "" where there are none."""
    problems = view.report.problems
    if not problems:
        return ""
    told = [f"{name.rpartition('/')[2]} ({why})" for name, why in problems[:LISTED]]
    more = [f"{len(problems) - LISTED:,} more"] if len(problems) > LISTED else []
    return f"Ignored {counted(len(problems), 'folder')}: {'; '.join([*told, *more])}."


def machine(provenance: Mapping[str, Any]) -> str:
    """Hardware and versions of a result, in words."""
    versions = provenance.get("versions", {})
    backend = [f"{name} {versions[name]}" for name in versions if name != "attention-fer"]
    where = ", ".join(provenance.get("accelerators") or ["CPU only"])
    software = ", ".join([f"Python {provenance.get('python', 'unknown')}", *backend])
    processor, cores = provenance.get("processor", "unknown processor"), provenance.get("cores")
    return f"{processor}, {cores or 'unknown number of'} cores, {where} ({software})"


def training(settings: Settings) -> str:
    """The settings in words: those that every training has, and of the rest what is unusual."""
    usual = Settings()
    others = [name for name in vars(settings) if name not in ALWAYS]
    unusual = [name for name in others if getattr(settings, name) != getattr(usual, name)]
    found = ((name.replace("_", " "), getattr(settings, name)) for name in (*ALWAYS, *unusual))
    return ", ".join(_setting(name, value) for name, value in found if value is not None)


def _setting(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return name if value else f"no {name}"
    return f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"


def reference(view: View, section: Section) -> str:
    """What the rows of a section are compared to, in words."""
    table, dataset = view.report.table, section.target.dataset
    chosen = table.chosen.get(dataset, table.chosen.get(""))
    return chosen.label if chosen else "the same backbone without attention"


def _data(section: Section, results: Sequence[Result]) -> str:
    target, cells = section.target, _cells(section)
    folds = f", {len(target.folds)} folds" if len(target.folds) > 1 else ""
    synthetic = " (synthetic images)" if _synthetic(section, results) else ""
    seeds = ", ".join(map(str, sorted({cell.seed for cell in cells})))
    text = f"{target.dataset}{synthetic}: split {target.protocol}{folds}, seeds {seeds}"
    if not results:
        return f"{text}."
    text += f"; trained on {_range(results, 'n_train')} images, epoch chosen on "
    text += f"{_range(results, 'n_validation')}, accuracy on "
    measured = next((line.figures for line in section.lines if line.figures.seeds), None)
    if measured is None:
        return f"{text}{_range(results, 'n_test')} test images."
    each = ", each tested once, folds together" if folds else ""
    return (
        f"{text}n = {measured.n:,} test images{each}, {measured.majority:.2f} % of them of one "
        "class."
    )


def _synthetic(section: Section, results: Iterable[Result]) -> bool:
    told = any(result.record["provenance"].get("synthetic") for result in results)
    # Records from before targets were stored do not say so.
    return section.target.synthetic or told or section.target.dataset == "schematic"


def _training(section: Section, plan: Plan) -> str:
    settings = training(plan.settings(section.target))
    several = f", {plan.replicas} devices share a batch" if plan.replicas > 1 else ""
    own = f", the table's file has the hash {plan.code}" if plan.code else ""
    network = f"{plan.variant} networks, {plan.backend}{several}{own}"
    return f"Training: {network}; {settings}.{_rows(section, plan)}"


REPLACED = {
    ("settings",): "Settings of a row replace",
    ("recipe",): "The recipe of a row replaces",
    ("settings", "recipe"): "Settings and recipe of a row replace",
}


def _rows(section: Section, plan: Plan) -> str:
    """What rows change of the training."""
    rows = [line.entry.row for line in section.lines]
    own = tuple(name for name in ("settings", "recipe") if any(getattr(row, name) for row in rows))
    if not own:
        return ""
    kept = ", ".join(name.replace("_", " ") for name in plan.kept)
    but = f"; a recipe leaves {kept}" if "recipe" in own and kept else ""
    return f" {REPLACED[own]} these{but}."


def _machines(results: Iterable[Result]) -> str:
    found = Counter(machine(result.record["provenance"]) for result in results)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{name}: {counted(count, 'cell')}" for name, count in found.most_common())


def _range(results: Iterable[Result], key: str) -> str:
    values = {result.record["metrics"][key] for result in results}
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _cells(section: Section) -> list[Cell]:
    entries = [line.entry for line in section.lines]
    results = [r for entry in entries for r in (*entry.done, *entry.failed)]
    return [*(r.cell for r in results), *(cell for entry in entries for cell in entry.missing)]


def _spread(view: View) -> str:
    if not any(line.figures.sd is not None for line in view.lines):
        return ""
    folds = any(len(section.target.folds) > 1 for section in view.sections)
    over = "seeds, and over folds where there are several" if folds else "seeds"
    return f"± is the standard deviation over {over}."


def _differences(view: View, comparisons: Sequence[Comparison]) -> list[str]:
    if not comparisons:
        return []
    to = dict.fromkeys(reference(view, section) for section in view.sections)
    notes = [f"Difference: accuracy minus that of {' or '.join(to)}, in points, {_interval(view)}"]
    tested = [c for c in comparisons if c.adjusted is not None]
    return notes + ([_verdict(view, tested), _mcnemar(tested)] if tested else [])


def _interval(view: View) -> str:
    differences = [x.entry.comparison.difference for x in view.lines if x.entry.comparison]
    clusters = [d.noise.clusters for d in differences]
    grouped = any(c < d.n for c, d in zip(clusters, differences, strict=True))
    images = "test images, drawn by subject where subjects are known" if grouped else "test images"
    text = f"paired by seed and image, with a 95 % interval over {images}"
    one = sum(d.p is None for d in differences)
    if one == len(differences):
        return f"{text}; training noise comes on top of it. One seed allows no verdict."
    rest = " One seed has test images alone in its interval, and no verdict." if one else ""
    return (
        f"{text}, and over training as the seeds show it; another training set is not in it.{rest}"
    )


def _verdict(view: View, tested: Sequence[Comparison]) -> str:
    planned = len(view.report.pairs)
    text = (
        "Verdict: p-values that know the noise of training and of test images, each with its own t "
        f"quantile, Holm-adjusted over all {counted(planned, 'comparison')} of this report, at "
        f"{100 * LEVEL:g} %."
    )
    if any(c.verdict == NOTHING for c in tested):
        text += (
            " In brackets: the difference in points from which on it would have been detected, "
            "with 80 % power."
        )
    if any(c.detectable is not None and c.detectable >= 100 for c in tested):
        text += " None could be where seeds or test images are too few."
    return text


def _mcnemar(tested: Sequence[Comparison]) -> str:
    below = sum(c.mcnemar.p < LEVEL for c in tested)
    return (
        f"McNemar's test, which takes the trained networks as given, calls {below} of "
        f"{counted(len(tested), 'comparison')} different at {100 * LEVEL:g} %, unadjusted; it "
        "knows nothing of training noise, so that no verdict rests on it."
    )


def _picked(view: View) -> str:
    if not any(section.picked and line.figures.seeds for section in view.sections
               for line in section.lines):  # fmt: skip
        return ""
    return (
        "Best seed: the highest test accuracy of the seeds, picked by looking at the test images "
        "as the published best of three runs; it says more than the network holds."
    )


def _published(view: View) -> str:
    source = view.report.table.source
    shown = any(line.figures.published is not None for line in view.lines)
    return f"Published figures: {source}." if source and shown else ""
