"""The footnotes of a table: what its numbers mean, how they were measured, and what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.plan.plan import Plan
from benchmarks.plan.settings import Settings
from benchmarks.report.analysis import Comparison
from benchmarks.report.formats.figures import ReportFigures, Section, counted, reason
from benchmarks.results.store import Result
from benchmarks.statistics.paired import LEVEL, NO_DIFFERENCE

# Folders and reasons that are listed; the rest is counted.
LISTED = 5
# Settings that are always listed, in this order; others only if they differ from their default.
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


def of_section(section: Section, report: ReportFigures) -> list[str]:
    """Footnotes of one target: data, split, sizes, training, machines."""
    plan = report.report.plan
    results = [result for row in section.rows for result in row.entry.done]
    parts = [_data(section, results), _training(section, plan)]
    if results:
        parts.append(f"Measured on {_machines(results)}.")
    return parts


def of_report(report: ReportFigures) -> list[str]:
    """Footnotes of the whole report: how to read it, and what is missing."""
    comparisons = [row.entry.comparison for row in report.rows if row.entry.comparison]
    notes = [_spread(report), *_differences(report, comparisons), _picked(report)]
    notes += [_published(report), gaps(report), ignored(report)]
    return [note for note in notes if note]


def copies(section: Section, report: ReportFigures) -> str:
    """How many test images equal a training image, and who was trained on them."""
    plan, known = report.report.plan, report.report.copies[section.target]
    n, found = section.n or 0, section.n_copies or 0
    measured = next(row for row in section.rows if row.seeds)
    same = int(np.isin(measured.copied, known.same_label).sum())
    text = (
        f"Copies: {found:,} of {n:,} test images ({100 * found / n:.1f} %) have the same pixels as "
        f"an image of the training part, {same:,} of them with the same label. "
    )
    trained_on = [
        row.label for row in section.rows if not plan.settings(section.target, row.row).drop_copies
    ]
    if not trained_on:
        return text + (
            "These networks were trained without these copies (drop copies): all minus without "
            "shows how much easier the copied images are, not what is gained by training on them."
        )
    if len(trained_on) == len(section.rows):
        return text + (
            "All minus without has two parts: how much easier the copied images are, and what is "
            "gained by training on them. Networks trained without copies (drop copies) show only "
            "the first part."
        )
    return text + (
        f"Trained on these copies: {'; '.join(trained_on)}. The others were not, so the difference "
        "in accuracy on all images is the effect of the copies."
    )


def gaps(report: ReportFigures) -> str:
    """Missing and failed cells, with reasons; "" if there are none."""
    entries = [row.entry for row in report.rows]
    planned = sum(entry.planned for entry in entries)
    missing = sum(len(entry.missing) for entry in entries)
    failed = [result for entry in entries for result in entry.failed]
    if not missing and not failed:
        return ""
    text = (
        f"{missing:,} of {counted(planned, 'cell')} {'is' if missing == 1 else 'are'} missing; "
        f"{f'{len(failed):,}' if failed else 'none'} failed"
    )
    reasons = Counter(reason(result.record) for result in failed).most_common()
    listed = _listed([f"{count:,} x {why.rstrip('.')}" for why, count in reasons], "reason")
    return text + (f": {listed}." if listed else ".")


def ignored(report: ReportFigures) -> str:
    """Folders without a valid result; "" if there are none."""
    problems = report.report.problems
    if not problems:
        return ""
    found = [f"{name.rpartition('/')[2]} ({why})" for name, why in problems]
    count = counted(len(found), "folder")
    return f"Ignored {count} without a valid result: {_listed(found, 'folder')}."


def _listed(parts: Sequence[str], noun: str) -> str:
    more = [f"{counted(len(parts) - LISTED, f'more {noun}')}"] if len(parts) > LISTED else []
    return "; ".join([*parts[:LISTED], *more])


def machine(provenance: Mapping[str, Any]) -> str:
    """Hardware and software versions of a result."""
    versions = provenance["versions"]
    packages = [f"{name} {versions[name]}" for name in versions if name != "attention-fer"]
    software = ", ".join([f"Python {provenance['python']}", *packages])
    devices = ", ".join(provenance["accelerators"]) or "CPU only"
    cores = f"{provenance['cores'] or 'unknown number of'} cores"
    return f"{provenance['processor']}, {cores}, {devices} ({software})"


def training(settings: Settings) -> str:
    """The settings in words: the main ones, and others that differ from their default."""
    default = Settings()
    others = [name for name in vars(settings) if name not in ALWAYS]
    changed = [name for name in others if getattr(settings, name) != getattr(default, name)]
    found = ((name.replace("_", " "), getattr(settings, name)) for name in (*ALWAYS, *changed))
    return ", ".join(_setting(name, value) for name, value in found if value is not None)


def _setting(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return name if value else f"no {name}"
    return f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"


def reference(report: ReportFigures, section: Section) -> str:
    """What the rows of a section are compared with, in words."""
    table, dataset = report.report.table, section.target.dataset
    chosen = table.chosen.get(dataset, table.chosen.get(""))
    return chosen.label if chosen else "the same backbone without attention"


def _data(section: Section, results: Sequence[Result]) -> str:
    target = section.target
    folds = f", {len(target.folds)} folds" if len(target.folds) > 1 else ""
    synthetic = " (synthetic images)" if target.synthetic else ""
    planned = {cell.seed for row in section.rows for cell in row.entry.cells}
    seeds = ", ".join(map(str, sorted(planned)))
    text = f"{target.dataset}{synthetic}: split {target.protocol}{folds}, seeds {seeds}."
    if not results:
        return text
    text += (
        f" Trained on {_range(results, 'n_train')} images, epoch selected on "
        f"{_range(results, 'n_validation')} validation images, tested on "
    )
    measured = next((row for row in section.rows if row.seeds), None)
    if measured is None:
        return f"{text}{_range(results, 'n_test')} images."
    pooled = " Each image is tested in one fold; the folds are pooled." if folds else ""
    return (
        f"{text}n = {measured.n:,} images.{pooled} Always predicting the most frequent class "
        f"would score {measured.majority:.2f} %."
    )


def _training(section: Section, plan: Plan) -> str:
    settings = training(plan.settings(section.target))
    several = f", batches split over {plan.replicas} devices" if plan.replicas > 1 else ""
    own = f", table file with hash {plan.code}" if plan.code else ""
    network = f"{plan.variant} networks, {plan.backend}{several}{own}"
    return f"Training: {network}; {settings}.{_overrides(section, plan)}"


OVERRIDES = {
    ("settings",): "The settings of a row override these.",
    ("recipe",): "The recipe of a row overrides these",
    ("settings", "recipe"): "The settings and the recipe of a row override these",
}


def _overrides(section: Section, plan: Plan) -> str:
    """How rows change the training."""
    rows = [row.row for row in section.rows]
    own = tuple(name for name in ("settings", "recipe") if any(getattr(row, name) for row in rows))
    if "recipe" not in own:
        return f" {OVERRIDES[own]}" if own else ""
    kept = ", ".join(name.replace("_", " ") for name in plan.kept)
    return f" {OVERRIDES[own]}{f'; recipes do not change {kept}' if kept else ''}."


def _machines(results: Iterable[Result]) -> str:
    found = Counter(machine(result.record["provenance"]) for result in results)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{name}: {counted(count, 'cell')}" for name, count in found.most_common())


def _range(results: Iterable[Result], key: str) -> str:
    values = {result.record["metrics"][key] for result in results}
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _spread(report: ReportFigures) -> str:
    if not any(row.sd is not None for row in report.rows):
        return ""
    folds = any(len(section.target.folds) > 1 for section in report.sections)
    return f"± is the standard deviation over seeds{', and over folds if there are any' * folds}."


def _differences(report: ReportFigures, comparisons: Sequence[Comparison]) -> list[str]:
    if not comparisons:
        return []
    to = " or ".join(dict.fromkeys(reference(report, section) for section in report.sections))
    notes = [
        f"Difference: accuracy minus that of {to}, in percentage points, paired by seed and test "
        f"image, with a 95 % interval. {_interval(comparisons)}"
    ]
    tested = [c for c in comparisons if c.adjusted is not None]
    return notes + ([_verdict(report, tested), _mcnemar(tested)] if tested else [])


def _interval(comparisons: Sequence[Comparison]) -> str:
    """Which sources of variation the intervals cover."""
    differences = [comparison.difference for comparison in comparisons]
    subjects = any(d.noise.clusters < d.n for d in differences)
    images = "test images (between subjects where these are known)" if subjects else "test images"
    single = sum(d.p is None for d in differences)
    if single == len(differences):
        return (
            f"The interval covers variation between {images} only, not between training runs; a "
            "single seed allows no verdict."
        )
    text = (
        f"The interval covers variation between training runs and between {images}, but not "
        "between training sets."
    )
    if single:
        text += " For a single seed it covers test images only, and there is no verdict."
    return text


def _verdict(report: ReportFigures, tested: Sequence[Comparison]) -> str:
    text = (
        f'Verdict: "better" or "worse" if significant at {100 * LEVEL:g} %. The p-values account '
        "for variation between training runs and between test images and are adjusted for all "
        f"{counted(len(report.report.pairs), 'comparison')} of this report (Holm)."
    )
    if any(c.verdict == NO_DIFFERENCE for c in tested):
        text += (
            " In brackets: the smallest difference, in percentage points, that would have been "
            "detected with 80 % power"
        )
        none = any(c.detectable is not None and c.detectable >= 100 for c in tested)
        text += '; "too few data to detect any" if none would have been.' if none else "."
    return text


def _mcnemar(tested: Sequence[Comparison]) -> str:
    below = sum(c.mcnemar.p < LEVEL for c in tested)
    return (
        "McNemar's test, which treats the trained networks as fixed and so ignores variation "
        f"between training runs, finds a difference in {below} of "
        f"{counted(len(tested), 'comparison')} ({100 * LEVEL:g} % level, unadjusted). No verdict "
        "is based on it."
    )


def _picked(report: ReportFigures) -> str:
    if not any(section.picked and row.seeds for section in report.sections for row in section.rows):
        return ""
    return (
        "Best seed: the highest test accuracy of any seed. It was selected on the test images, as "
        "the published best of three runs was, so it overestimates the accuracy on new images."
    )


def _published(report: ReportFigures) -> str:
    source = report.report.table.source
    shown = any(row.published is not None for row in report.rows)
    return f"Published figures: {source}." if source and shown else ""
