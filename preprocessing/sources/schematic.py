"""Generated schematic faces: for trying everything out where no photographs are at hand.

Seven expressions under FER2013's names, drawn as grey 48x48 images. Weak expressions overlap on
purpose. A number measured here says nothing about real faces.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np

from .base import Notice, Sample, Source, register
from .schematic_draw import draw
from .schematic_face import CLASSES, expression, identity, shot

SUBJECTS, PER_SUBJECT = 70, 49
_FIFTHS = ("train", "validation", "train", "test", "train")


def read(
    path: object = None,
    *,
    subjects: int = SUBJECTS,
    per_subject: int = PER_SUBJECT,
    seed: int = 0,
    notice: Notice = warnings.warn,
) -> Iterator[Sample]:
    """Generate the dataset, subject by subject.

    Args:
        path: ignored.
        subjects: number of people; three fifths are train, one validation, one test.
        per_subject: images of each, a multiple of 7 so that the classes are balanced.
        seed: another seed gives other people.
        notice: never called.

    Returns:
        Iterator of samples with (48, 48) images.

    Raises:
        ValueError: a number out of range.
    """
    if subjects < 1 or seed < 0:
        raise ValueError(f"got subjects={subjects}, seed={seed}: expected at least 1 and 0")
    if per_subject < 1 or per_subject % len(CLASSES):
        raise ValueError(f"got per_subject={per_subject}: expected a multiple of {len(CLASSES)}")
    return (
        sample(seed, subject, index) for subject in range(subjects) for index in range(per_subject)
    )


def sample(seed: int, subject: int, index: int) -> Sample:
    """One image, a function of its three arguments alone; its class is ``index % 7``.

    Another version of NumPy or OpenCV may draw some pixels differently: compare fingerprints.
    """
    # The third number keeps the two streams apart: numpy pads short seeds with zeros.
    who = identity(np.random.default_rng([seed, subject, 0]))
    rng = np.random.default_rng([seed, subject, 1 + index])
    label = CLASSES[index % len(CLASSES)]
    face = expression(rng, label, who.rest)
    image = draw(who, face, shot(rng), rng)
    split = _FIFTHS[subject % len(_FIFTHS)]
    source = f"schematic:seed{seed}/s{subject:03d}/{index:03d}"
    return Sample(image, label, f"s{subject:03d}", split, source)


SOURCE = register(
    Source(
        name="schematic",
        classes=CLASSES,
        read=read,
        length=SUBJECTS * PER_SUBJECT,
        options=frozenset({"subjects", "per_subject", "seed"}),
        synthetic=True,
    )
)
