"""Random schematic faces: identity, expression, photograph, and how they are drawn.

Lengths are in units of half the face's height; the origin is the centre of the face and y points
down. Movements roughly follow the facial action coding system (Ekman & Friesen, 1978). Outlines are
smooth: drawn at four times the size and shrunk by area.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, field, fields
from typing import Any

import cv2
import numpy as np


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


def _within(low: float, high: float) -> Any:
    """A field that `identity` draws from a range, in the order of the fields."""
    return field(metadata={"range": (low, high)})


@dataclass(frozen=True)
class Identity:
    """What all photographs of one subject share; tones are grey levels."""

    hair: float
    hairline: float
    long_hair: bool
    glasses: bool
    rest: Expression  # the look of the relaxed face
    skin: float = _within(110, 220)
    half_width: float = _within(0.66, 0.84)
    jaw: float = _within(0.05, 0.4)  # narrowing towards the chin
    eye_x: float = _within(0.29, 0.36)
    eye_y: float = _within(-0.22, -0.12)
    eye_size: float = _within(0.145, 0.185)
    brow_gap: float = _within(0.17, 0.25)
    brow_weight: float = _within(0.035, 0.075)
    nose: float = _within(0.14, 0.28)
    mouth_y: float = _within(0.46, 0.56)
    mouth_size: float = _within(0.26, 0.34)
    lip: float = _within(0.03, 0.075)


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
    drawn = {one.name: u(*one.metadata["range"]) for one in fields(Identity) if one.metadata}
    return Identity(
        **drawn,
        hair=u(15, max(40.0, drawn["skin"] - 40)),
        hairline=u(-0.72, -0.5),
        long_hair=bool(u() < 0.45),
        glasses=bool(u() < 0.2),
        rest=_wobble(rng, np.zeros(len(fields(Expression))), 0.1),
    )


def expression(rng: np.random.Generator, label: str, rest: Expression) -> Expression:
    """Draws a random instance of an expression for a face whose relaxed look is `rest`."""
    strength = rng.uniform(WEAKEST, STRONGEST)
    moved = np.array(astuple(rest)) + strength * np.array(astuple(PROTOTYPES[label]))
    return _wobble(rng, moved, WOBBLE)


def _wobble(rng: np.random.Generator, movements: np.ndarray, deviation: float) -> Expression:
    return Expression(*(movements + rng.normal(0.0, deviation, len(movements))).tolist())


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


SIDE = 48
_OVERSAMPLING = 4
_BITS = 4  # of sub-pixel precision in OpenCV's integer coordinates
_TURN = np.linspace(0, 2 * np.pi, 28, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)
_ACROSS = np.linspace(-1, 1, 13)


class _Canvas:
    """A grey image to draw on in face units."""

    def __init__(self, shot: Shot):
        side = SIDE * _OVERSAMPLING
        self.image = np.full((side, side), shot.backdrop, np.uint8)
        self._unit = 0.48 * side * shot.scale
        cos, sin = np.cos(shot.angle) * self._unit, np.sin(shot.angle) * self._unit
        self._matrix = np.array([[cos, sin], [-sin, cos]])
        self._origin = side * (0.5 + np.array(shot.shift))

    def _pixels(self, points: np.ndarray) -> np.ndarray:
        return np.round((points @ self._matrix + self._origin) * 2**_BITS).astype(np.int32)

    def fill(self, points: np.ndarray, tone: float) -> None:
        cv2.fillPoly(self.image, [self._pixels(points)], _grey(tone), cv2.LINE_AA, _BITS)

    def line(self, points: np.ndarray, tone: float, width: float, closed: bool = False) -> None:
        thickness = max(1, round(width * self._unit))
        cv2.polylines(
            self.image, [self._pixels(points)], closed, _grey(tone), thickness, cv2.LINE_AA, _BITS
        )


def _grey(tone: float) -> float:
    return float(np.clip(round(tone), 0, 255))


def _oval(x: float, y: float, half_width: float, half_height: float) -> np.ndarray:
    return _CIRCLE * (half_width, half_height) + (x, y)


def _arc(x: float, y: float, half_width: float, bend: float) -> np.ndarray:
    """Returns a parabola whose ends are at y and whose middle is `bend` lower."""
    return np.stack([x + half_width * _ACROSS, y + bend * (1 - _ACROSS**2)], axis=1)


def draw(who: Identity, face: Expression, shot: Shot, rng: np.random.Generator) -> np.ndarray:
    """Draws one photograph.

    Args:
        who, face, shot: what to draw, see `schematic_face`.
        rng: generates the sensor noise.

    Returns:
        uint8 (48, 48).
    """
    canvas = _Canvas(shot)
    _head(canvas, who)
    for side in (-1, 1):
        x = side * who.eye_x + shot.turn
        _eye(canvas, who, face, shot, x)
        _brow(canvas, who, face, x, side)
    _nose(canvas, who, face, 1.4 * shot.turn)
    _mouth(canvas, who, face, shot.turn)
    _occlusions(canvas, who, shot)
    return _photograph(canvas.image, shot, rng)


def _head(canvas: _Canvas, who: Identity) -> None:
    if who.long_hair:
        canvas.fill(_oval(0, -0.02, who.half_width + 0.2, 1.12), who.hair)
    canvas.fill(np.array([[-0.3, 0.6], [0.3, 0.6], [0.38, 1.6], [-0.38, 1.6]]), who.skin * 0.8)
    canvas.fill(_oval(0, -0.12, who.half_width + 0.05, 0.96), who.hair)
    for side in (-1, 1):
        canvas.fill(_oval(side * who.half_width, -0.02, 0.1, 0.19), who.skin * 0.88)
    outline = _oval(0, 0, who.half_width, 1.0)
    outline[:, 0] *= 1 - who.jaw * np.clip(outline[:, 1], 0, 1)
    canvas.fill(outline, who.skin)
    top = outline[outline[:, 1] < who.hairline + 0.15]
    fringe = top[np.argsort(top[:, 0])]
    canvas.fill(np.concatenate([fringe, [[0.1, who.hairline]]]), who.hair)


def _eye(canvas: _Canvas, who: Identity, face: Expression, shot: Shot, x: float) -> None:
    y, size = who.eye_y, who.eye_size
    upper = size * max(0.06, 0.5 + 0.5 * face.upper_lid)
    lower = size * max(0.05, 0.38 - 0.36 * face.lower_lid)
    lids = np.concatenate([_arc(x, y, size, -upper), _arc(x, y, size, lower)[::-1]])
    canvas.fill(lids, min(245.0, who.skin * 0.4 + 150))
    iris = _oval(x + size * shot.gaze[0], y + size * 0.3 * shot.gaze[1], size * 0.5, size * 0.5)
    iris[:, 1] = np.clip(iris[:, 1], y - upper * 0.95, y + lower * 0.95)
    canvas.fill(iris, 30)
    canvas.line(_arc(x, y, size, -upper), who.skin * 0.3, 0.03)
    canvas.line(_arc(x, y, size, lower), who.skin * 0.65, 0.015)


def _brow(canvas: _Canvas, who: Identity, face: Expression, x: float, side: int) -> None:
    base = who.eye_y - who.brow_gap
    inner = [x - side * (0.15 + 0.05 * face.pinch), base - 0.12 * face.inner_brow]
    outer = [x + side * 0.2, base + 0.02 - 0.11 * face.outer_brow]
    arch = [x + side * 0.06, (inner[1] + outer[1]) / 2 - 0.035]
    canvas.line(np.array([inner, arch, outer]), min(who.hair, who.skin * 0.5), who.brow_weight)
    if face.pinch > 0.3:
        crease = np.array([[side * 0.05, base - 0.02], [side * 0.045, base + 0.1]])
        canvas.line(crease + (x - side * who.eye_x, 0), who.skin * (1 - 0.3 * face.pinch), 0.02)


def _nose(canvas: _Canvas, who: Identity, face: Expression, x: float) -> None:
    tip = who.eye_y + 0.2 + who.nose - 0.04 * face.wrinkle
    shade = who.skin * 0.72
    canvas.line(np.array([[0.4 * x, who.eye_y + 0.08], [x + 0.03, tip - 0.06]]), shade, 0.02)
    canvas.line(_arc(x, tip, 0.11, 0.05), who.skin * 0.55, 0.03)
    if face.wrinkle > 0.2:
        for height in (0.02, 0.1):
            fold = _arc(0.5 * x, who.eye_y + height, 0.1, -0.04)
            canvas.line(fold, who.skin * (1 - 0.35 * min(face.wrinkle, 1)), 0.02)
    raised = max(face.upper_lip, face.corners * 0.8)
    if raised > 0.25:
        for side in (-1, 1):
            fold = np.array([[side * 0.14, 0], [side * 0.27, 0.1], [side * 0.33, 0.25]])
            canvas.line(fold + (x, tip), who.skin * (1 - 0.25 * min(raised, 1)), 0.022)


def _mouth(canvas: _Canvas, who: Identity, face: Expression, x: float) -> None:
    half = who.mouth_size * max(0.4, 1 + 0.4 * face.mouth_width)
    gape = max(0.0, face.mouth_open) * 0.3
    ends = who.mouth_y - 0.11 * face.corners
    bend = 0.17 * face.corners
    upper = _arc(x, ends, half, bend - 0.25 * gape - 0.08 * max(0.0, face.upper_lip))
    lower = _arc(x, ends, half, bend + gape)
    lips = who.skin * 0.58
    if gape > 0.02:
        canvas.fill(np.concatenate([upper, lower[::-1]]), 35)
        teeth = 0.35 * min(gape, 0.12) + 0.02
        edge = upper[3:-3]
        canvas.fill(np.concatenate([edge, edge[::-1] + (0, teeth)]), who.skin * 0.3 + 160)
    canvas.line(upper, lips, who.lip)
    canvas.line(lower, lips, who.lip * 1.2)
    canvas.line(lower if gape <= 0.02 else upper, who.skin * 0.35, 0.02)


def _occlusions(canvas: _Canvas, who: Identity, shot: Shot) -> None:
    if who.glasses:
        for side in (-1, 1):
            rim = _oval(side * who.eye_x + shot.turn, who.eye_y + 0.02, 0.235, 0.2)
            canvas.line(rim, 25, 0.025, closed=True)
        canvas.line(_arc(shot.turn, who.eye_y, who.eye_x - 0.235, -0.03), 25, 0.025)
    if shot.patch:
        x, y, a, b = shot.patch
        corners = np.array([[-a, -b], [a, -b], [a, b], [-a, b]])
        canvas.fill(corners + (x, y), shot.patch_tone)


def _photograph(image: np.ndarray, shot: Shot, rng: np.random.Generator) -> np.ndarray:
    """Shrinks, blurs, lights and adds noise."""
    shrunk = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    small: np.ndarray = shrunk.astype(np.float32)
    if shot.blur > 0.2:
        small = cv2.GaussianBlur(small, (5, 5), shot.blur)
    ramp = np.linspace(-1, 1, SIDE, dtype=np.float32)
    light = shot.gain * (1 + shot.light[0] * ramp[None, :] + shot.light[1] * ramp[:, None])
    noise = rng.normal(0, shot.noise, small.shape)
    return np.clip(np.round(small * light + noise), 0, 255).astype(np.uint8)
