"""Measures what a network loses when its gates are replaced by their means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np

from attention_fer.explain.maps.class_scores import ClassScores
from attention_fer.explain.maps.running import batches, to_numpy, without_gradients
from benchmarks.gates.measure import GateStatistics
from benchmarks.gates.replace import WAYS, replaced
from benchmarks.results.predictions import groups
from benchmarks.statistics.mcnemar import mcnemar
from benchmarks.statistics.multiplicity import holm
from benchmarks.statistics.paired import Difference, compare

ALL = "all modules"


@dataclass(frozen=True, eq=False)
class Answers:
    """The predicted class of each image, `(networks, n)`, by way and module.

    Attributes:
        intact: with the gates as they are.
        changed: by (way, module), `ALL` for all of them at once.
    """

    intact: np.ndarray
    changed: dict[tuple[str, str], np.ndarray]


@dataclass(frozen=True, eq=False)
class Loss:
    """The effect of replacing gates.

    Attributes:
        way: what takes the place of the gates, a name in `WAYS`.
        module: path of the changed module, or `ALL`.
        same: share of images with the same predicted class as before, in percent.
        n: number of images with a known class.
        accuracy, before: in percent, over the networks; None without known classes.
        difference: `accuracy - before` in points, with its interval; None without known classes.
        p_mcnemar: p-value of McNemar's test; None without known classes.
        p_holm: of the difference, or of McNemar's test with a single network, adjusted for all
            losses that are compared; None without known classes.
    """

    way: str
    module: str
    same: float
    n: int = 0
    accuracy: float | None = None
    before: float | None = None
    difference: Difference | None = None
    p_mcnemar: float | None = None
    p_holm: float | None = None


@dataclass(frozen=True, eq=False)
class Study:
    """One network over the pictures.

    Attributes:
        gates: see `measure.measure`.
        intact: (n,) the predicted classes with the gates as they are.
        changed: the same after each change, by (way, module).
        pictures: (n,) the names of the pictures.
        true: (n,) their class, -1 where it is unknown.
        subjects: (n,) the person each shows, "" if unknown.
        unreadable: number of pictures that could not be read.
    """

    gates: list[GateStatistics]
    intact: np.ndarray
    changed: dict[tuple[str, str], np.ndarray]
    pictures: list[str]
    true: np.ndarray
    subjects: np.ndarray
    unreadable: int = 0


def merged(studies: Sequence[Study]) -> tuple[Answers, np.ndarray, np.ndarray | None]:
    """Return the answers of all networks, the true classes, and the groups of images.

    The groups are the persons, see `predictions.groups`.

    Raises:
        ValueError: the networks have other modules, pictures or classes.
    """
    first = studies[0]
    for other in studies[1:]:
        _check_alike(first, other)
    answers = Answers(
        np.stack([one.intact for one in studies]),
        {key: np.stack([one.changed[key] for one in studies]) for key in first.changed},
    )
    return answers, first.true, groups(first.subjects)


def _check_alike(first: Study, other: Study) -> None:
    modules, others = ([module for _, module in one.changed] for one in (first, other))
    if modules != others:
        raise ValueError(
            "The models must be the same network with different seeds, with the same modules, got "
            f"{modules} and {others}."
        )
    if first.pictures != other.pictures:
        both = len({*first.pictures} & {*other.pictures})
        raise ValueError(
            f"The models must be given the same pictures in the same order, got "
            f"{len(first.pictures):,} and {len(other.pictures):,}, of which {both:,} are the same."
        )
    differ = np.flatnonzero(first.true != other.true)
    if len(differ):
        at = differ[0]
        raise ValueError(
            "The models must have the same classes in the same order, got "
            f"{first.pictures[at]} as class {first.true[at]} and as class {other.true[at]}."
        )


def predicted(model: keras.Model, images: np.ndarray, batch_size: int = 32) -> np.ndarray:
    """Return the class index of each image. Runs layer by layer, so that hooks take effect."""
    scores = ClassScores(model)
    with without_gradients():
        return np.concatenate(
            [
                to_numpy(scores.probabilities(batch))[: rows.stop - rows.start].argmax(axis=1)
                for rows, batch in batches(images, batch_size)
            ]
        )


def changes(statistics: Sequence[GateStatistics]) -> list[tuple[str, str]]:
    """Return what `answers` changes: each way for all modules, then each module by the first."""
    modules = list(dict.fromkeys(one.module for one in statistics))
    alone = [(next(iter(WAYS)), module) for module in modules] if len(modules) > 1 else []
    return [*((way, ALL) for way in WAYS), *alone]


def changed_answers(
    model: keras.Model,
    images: np.ndarray,
    statistics: Sequence[GateStatistics],
    change: tuple[str, str],
    batch_size: int = 32,
) -> np.ndarray:
    """Return the class index of each image after a change of `changes`."""
    way, module = change
    with replaced(model, statistics, way, None if module == ALL else module):
        return predicted(model, images, batch_size)


def losses(answers: Answers, true: np.ndarray, clusters: np.ndarray | None = None) -> list[Loss]:
    """Compare the predictions before and after each change, network by network, image by image.

    Args:
        answers: answers of networks that differ only in their seed.
        true: (n,) class index of each image, -1 where it is unknown.
        clusters: (n,) group of each image, such as the person; see `paired.compare`.
    """
    known = true >= 0
    found = []
    for (way, module), after in answers.changed.items():
        same = 100 * float((after == answers.intact).mean())
        if not known.any():
            found.append(Loss(way, module, same))
            continue
        before = answers.intact[:, known] == true[known]
        right = after[:, known] == true[known]
        gains = right.astype(int) - before.astype(int)
        found.append(
            Loss(
                way,
                module,
                same,
                n=int(known.sum()),
                accuracy=100 * float(right.mean()),
                before=100 * float(before.mean()),
                difference=compare(gains, None if clusters is None else clusters[known]),
                p_mcnemar=mcnemar(right, before).p,
            )
        )
    return _adjusted(found, len(answers.intact))


def _adjusted(found: Sequence[Loss], networks: int) -> list[Loss]:
    """The losses with p-values adjusted for all of them."""
    raw = [one.difference.p if networks > 1 and one.difference else one.p_mcnemar for one in found]
    return [replace(one, p_holm=p) for one, p in zip(found, holm(raw), strict=True)]
