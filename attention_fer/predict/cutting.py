"""Which part of a picture a network sees: the one place that decides how a face is cropped."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from attention_fer.predict.turning import after_turns
from preprocessing.faces import crops
from preprocessing.faces.pixels import NUMPY

LEVEL_FROM = 20.0
"""Degrees of roll from which a face is turned upright: the network of the package loses 3 to 6
points of accuracy there, and 10 to 11 at 30 degrees; see its model card."""


_KINDS: Mapping[str, tuple[type, ...]] = {
    "like": (str, type(None)),
    "margin": (int, float),
    "square": (bool,),
    "align": (bool,),
}
_EXAMPLE = '{"margin": 0.1, "square": true, "align": false}'


@dataclass(frozen=True)
class CutRule:
    """How the faces of a network's training data were cut.

    Attributes:
        like, margin, square, align: see `preprocessing.faces.crops.CropSettings`.
        level_from: degrees of roll from which a face is turned upright; None to leave it to
            `align`.
    """

    like: str | None = "fer2013"
    margin: float = 0.0
    square: bool = False
    align: bool = False
    level_from: float | None = LEVEL_FROM


def recorded_rule(faces: Mapping[str, Any] | None) -> CutRule:
    """Returns the rule that a prepared dataset's manifest describes under `faces`.

    Where it describes none, or says that no detector was used, faces are cut as for the network of
    the package.

    Raises:
        ValueError: it is no object, or has a value out of range.
    """
    if faces is None or faces == {}:
        return CutRule()
    if not isinstance(faces, Mapping):
        raise ValueError(f"faces must be an object such as {_EXAMPLE}, got {faces!r}.")
    if "detector" in faces and faces["detector"] is None:
        return CutRule()
    given = {"like": None} | {name: faces[name] for name in _KINDS if name in faces}
    for name, value in given.items():
        if not isinstance(value, _KINDS[name]):
            raise ValueError(f"{name} of faces must be as in {_EXAMPLE}, got {value!r}.")
    rule = CutRule(**given, level_from=None)
    crops.CropSettings(rule.margin, rule.square, rule.align, like=rule.like)
    return rule


def cut(
    image: np.ndarray,
    box: tuple[float, float, float, float] | None,
    landmarks: np.ndarray | None,
    rule: CutRule,
    size: tuple[int, int],
    colour: str,
) -> np.ndarray:
    """Cuts a face and brings it to the size and colour that a network takes.

    Args:
        image: uint8 (height, width) or RGB (height, width, 3).
        box: x, y, width, height in pixels, which may reach beyond the image; None if the image is
            a face already.
        landmarks: (5, 2), the eyes first, or None.
        rule: how to cut.
        size: height and width of the result.
        colour: "grey" or "rgb".

    Returns:
        uint8 (height, width) if grey, else (height, width, 3).

    Raises:
        ValueError: a box outside the image.
    """
    if box is None:
        return crops.fit(image, size, colour, NUMPY)
    if rule.level_from is not None and not rule.align:
        image, box, landmarks = _quarter_turns(image, box, landmarks)
    align = rule.align or _turned(landmarks, rule.level_from)
    side = max(size)
    settings = crops.CropSettings(rule.margin, rule.square, align, side, colour, rule.like)
    face = crops.crop(image, box, landmarks if align else None, settings, NUMPY)
    return face if size == (side, side) else crops.fit(face, size, None, NUMPY)


def roll(landmarks: np.ndarray | None) -> float | None:
    """Degrees by which the line through the eyes is turned clockwise; None without eyes."""
    return math.degrees(crops.eye_angle(landmarks)) if crops.has_eyes(landmarks) else None


def _quarter_turns(
    image: np.ndarray, box: tuple[float, float, float, float], landmarks: np.ndarray | None
) -> tuple[np.ndarray, tuple[float, float, float, float], np.ndarray | None]:
    """Turns the image by whole quarters, without a loss, until the face lies within 45 degrees."""
    turns = round((roll(landmarks) or 0.0) / 90) % 4
    if landmarks is None or not turns:
        return image, box, landmarks
    boxes, points = after_turns(np.array([box]), landmarks[None], turns, image.shape[:2])
    x, y, width, height = boxes[0].tolist()
    return np.rot90(image, turns), (x, y, width, height), points[0]


def _turned(landmarks: np.ndarray | None, level_from: float | None) -> bool:
    degrees = roll(landmarks)
    return level_from is not None and degrees is not None and abs(degrees) >= level_from
