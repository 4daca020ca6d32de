"""Random parameters of a schematic face: identity, expression and photograph.

Lengths are in units of half the face's height; the origin is the centre of the face and y points
down. Movements roughly follow the facial action coding system (Ekman & Friesen, 1978).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


@dataclass(frozen=True)
class Expression:
    """Movements from rest; 1 is about the maximum of a real face."""

    inner_brow: float = 0.0  # up
    outer_brow: float = 0.0  # up
    pinch: float = 0.0  # brows drawn together
    upper_lid: float = 0.0  # raised
    lower_lid: float = 0.0  # raised, narrows the eye
    corners: float = 0.0  # of the mouth, up
    mouth_open: float = 0.0
    mouth_width: float = 0.0
    upper_lip: float = 0.0  # raised
    wrinkle: float = 0.0  # of the nose


PROTOTYPES = {
    "angry": Expression(-0.9, 0.1, 1.0, -0.1, 0.4, -0.4, 0.02, -0.15, -0.2, 0.1),
    "disgust": Expression(-0.6, -0.1, 0.5, -0.4, 0.7, -0.45, 0.15, -0.1, 1.0, 1.0),
    "fear": Expression(1.0, 0.35, 0.7, 0.7, 0.1, -0.35, 0.35, 0.35, 0.1, 0.0),
    "happy": Expression(0.0, 0.1, 0.0, -0.1, 0.55, 1.0, 0.3, 0.5, 0.2, 0.0),
    "sad": Expression(0.75, -0.5, 0.4, -0.45, 0.1, -0.7, 0.0, -0.15, 0.0, 0.0),
    "surprise": Expression(0.85, 1.0, 0.0, 0.8, 0.0, 0.0, 0.9, -0.35, 0.0, 0.0),
    "neutral": Expression(),
}

WEAKEST, STRONGEST = 0.25, 1.2  # intensities; the weak ones make neighbouring classes overlap
WOBBLE = 0.1  # standard deviation of each movement


@dataclass(frozen=True)
class Identity:
    """What all photographs of one subject share; tones are grey levels."""

    half_width: float
    jaw: float  # narrowing towards the chin
    eye_x: float
    eye_y: float
    eye_size: float
    brow_gap: float
    brow_weight: float
    nose: float
    mouth_y: float
    mouth_size: float
    lip: float
    skin: float
    hair: float
    hairline: float
    long_hair: bool
    glasses: bool
    rest: Expression  # the look of the relaxed face


@dataclass(frozen=True)
class Shot:
    """The circumstances of one photograph."""

    angle: float  # radians
    shift: tuple[float, float]  # fractions of the image side
    scale: float
    turn: float  # to the side: features slide across the face
    gaze: tuple[float, float]
    backdrop: float  # grey level
    light: tuple[float, float]  # gradient of brightness across the image, x and y
    gain: float
    blur: float  # sigma in pixels of the final image
    noise: float  # sigma in grey levels
    patch: tuple[float, float, float, float] | None  # hidden area: x, y, half sides
    patch_tone: float


def identity(rng: np.random.Generator) -> Identity:
    """Draws a random subject."""
    u = rng.uniform
    skin = u(110, 220)
    return Identity(
        half_width=u(0.66, 0.84),
        jaw=u(0.05, 0.4),
        eye_x=u(0.29, 0.36),
        eye_y=u(-0.22, -0.12),
        eye_size=u(0.145, 0.185),
        brow_gap=u(0.17, 0.25),
        brow_weight=u(0.035, 0.075),
        nose=u(0.14, 0.28),
        mouth_y=u(0.46, 0.56),
        mouth_size=u(0.26, 0.34),
        lip=u(0.03, 0.075),
        skin=skin,
        hair=u(15, max(40.0, skin - 40)),
        hairline=u(-0.72, -0.5),
        long_hair=bool(u() < 0.45),
        glasses=bool(u() < 0.2),
        rest=_wobble(rng, Expression(), 0.1),
    )


def expression(rng: np.random.Generator, label: str, rest: Expression) -> Expression:
    """Draws a random instance of an expression for a face whose relaxed look is `rest`."""
    strength = rng.uniform(WEAKEST, STRONGEST)
    prototype = PROTOTYPES[label]
    moved = (
        getattr(rest, part.name) + strength * getattr(prototype, part.name)
        for part in fields(Expression)
    )
    return _wobble(rng, Expression(*moved), WOBBLE)


def _wobble(rng: np.random.Generator, face: Expression, deviation: float) -> Expression:
    offsets = rng.normal(0.0, deviation, len(fields(Expression)))
    values = (getattr(face, part.name) for part in fields(Expression))
    moved = (value + offset for value, offset in zip(values, offsets, strict=True))
    return Expression(*map(float, moved))


def shot(rng: np.random.Generator) -> Shot:
    """Draws the random circumstances of one photograph."""
    u = rng.uniform
    hidden = (u(-0.7, 0.7), u(-0.6, 0.8), u(0.08, 0.3), u(0.08, 0.3))
    return Shot(
        angle=float(np.clip(rng.normal(0, 0.08), -0.25, 0.25)),
        shift=(u(-0.05, 0.05), u(-0.05, 0.05)),
        scale=u(0.94, 1.08),
        turn=u(-0.07, 0.07),
        gaze=(u(-0.25, 0.25), u(-0.2, 0.2)),
        backdrop=u(40, 220),
        light=(u(-0.3, 0.3), u(-0.15, 0.15)),
        gain=u(0.75, 1.1),
        blur=u(0.0, 0.7),
        noise=u(1.0, 6.0),
        patch=hidden if u() < 0.15 else None,
        patch_tone=u(10, 245),
    )
