"""Generated schematic faces, to try everything without photographs.

Seven expressions with FER2013's names, drawn as grey 48x48 images. Weak expressions overlap on
purpose. Results on them say nothing about real faces.
"""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np

from attention_fer.common.class_names import BASIC
from preprocessing.sources.base import Notice, Raw, Sample, register

CLASSES = BASIC
SUBJECTS, PER_SUBJECT = 70, 49
_FIFTHS = ("train", "validation", "train", "test", "train")


@register("schematic", kind="faces", synthetic=True)
def open_schematic(
    path: object = None,
    *,
    subjects: int = SUBJECTS,
    per_subject: int = PER_SUBJECT,
    seed: int = 0,
    notice: Notice = warnings.warn,
) -> Raw:
    """Lists the samples, subject by subject; each image is drawn when it is loaded.

    Args:
        path: ignored.
        subjects: number of subjects; three fifths are train, one validation, one test.
        per_subject: images per subject, a multiple of 7 so that the classes are balanced.
        seed: decides the subjects.
        notice: never called.

    Returns:
        Samples of (48, 48) images.

    Raises:
        ValueError: a number out of range.
    """
    if subjects < 1 or seed < 0:
        raise ValueError(
            f"subjects must be at least 1 and seed at least 0, got {subjects} and {seed}."
        )
    if per_subject < 1 or per_subject % len(CLASSES):
        raise ValueError(
            f"per_subject must be a positive multiple of {len(CLASSES)}, got {per_subject}."
        )
    items = (
        sample(seed, subject, index) for subject in range(subjects) for index in range(per_subject)
    )
    return Raw(CLASSES, items, length=subjects * per_subject)


def sample(seed: int, subject: int, index: int) -> Sample:
    """Returns one image, determined by the three arguments alone; its class is `index % 7`.

    Other versions of NumPy or OpenCV may draw some pixels differently: compare fingerprints.
    """
    label = CLASSES[index % len(CLASSES)]
    split = _FIFTHS[subject % len(_FIFTHS)]
    source = f"schematic:seed{seed}/s{subject:03d}/{index:03d}"
    load = partial(_image, seed, subject, index, label)
    return Sample(load, label, f"s{subject:03d}", split, source)


def _image(seed: int, subject: int, index: int, label: str) -> np.ndarray:
    # Imported here, since a machine that only trains may lack OpenCV.
    from preprocessing.sources.schematic_face import draw, expression, identity, shot

    # The third number separates the two streams: NumPy pads short seeds with zeros.
    who = identity(np.random.default_rng([seed, subject, 0]))
    rng = np.random.default_rng([seed, subject, 1 + index])
    face = expression(rng, label, who.rest)
    return draw(who, face, shot(rng), rng)
