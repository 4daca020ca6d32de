"""Makes the answers: deepface's fields, our own rows, and what the network looked at."""

from __future__ import annotations

import base64
import copy
import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from starlette.exceptions import HTTPException

from attention_fer.predict.defaults import WHOLE
from attention_fer.predict.faces import FaceFinder
from attention_fer.predict.frames import Frame
from attention_fer.predict.occlusion import occlusion_map
from attention_fer.predict.predictor import Predictor
from attention_fer.predict.rows import FaceRow
from attention_fer.predict.tables.formats import csv_lines
from attention_fer.predict.tables.manifest import MEANING
from attention_fer.serve.form import Question
from preprocessing.raw_files.files import UnreadableError
from preprocessing.raw_files.images import READABLE, decode_photograph, opened

_TOO_MANY = "too many pixels"


class Answerer:
    """Answers questions with one predictor.

    Args:
        predictor: predictor of the server. Its network also answers for pictures that are already
            faces.
        most_pixels: largest number of pixels of a picture.
    """

    def __init__(self, predictor: Predictor, most_pixels: int):
        whole = copy.copy(predictor)
        whole.finder = FaceFinder(WHOLE)
        self._predictors = {False: predictor, True: whole}
        self._most_pixels = most_pixels

    def __call__(self, question: Question) -> dict[str, Any]:
        """Returns the answer, JSON-serialisable.

        Raises:
            HTTPException: 415 for what is no picture, 422 for one that cannot be answered.
        """
        frame = _frame(question, self._most_pixels)
        predictor = _with_alignment(self._predictors[question.skip], question.align)
        (rows,) = predictor.rows([frame])
        if question.enforce and not any(row.success for row in rows):
            why = f"{rows[0].reason}: {rows[0].detail}"
            raise HTTPException(422, f"{why}. With enforce_detection=false this is not an error.")
        values = [row.values(predictor.network.classes) for row in rows]
        assert frame.pixels is not None
        height, width = frame.pixels.shape[:2]
        answer: dict[str, Any] = {
            "results": [_as_deepface(row) for row in rows if row.success],
            "rows": values,
            "picture": {"width": width, "height": height},
            "meaning": MEANING,
        }
        if question.csv:
            stream = io.StringIO()
            csv_lines(stream, predictor.columns, values)
            answer["csv"] = stream.getvalue()
        if question.looked_at is not None:
            answer["looked_at"] = _looked_at(predictor, frame, rows, question.looked_at)
        return answer


def _frame(question: Question, most_pixels: int) -> Frame:
    """Decodes the picture, after its size has been read from its header."""
    try:
        with opened(question.data, READABLE) as image:
            pixels = image.width * image.height
        if pixels > most_pixels:
            detail = f"{pixels / 1e6:.1f} megapixels, at most {most_pixels / 1e6:g}; shrink it"
            raise UnreadableError(_TOO_MANY, detail)
        return Frame(question.name, decode_photograph(question.data))
    except UnreadableError as error:
        status = 422 if error.reason == _TOO_MANY else 415
        raise HTTPException(status, f"{error.reason}: {error}") from None


def _with_alignment(predictor: Predictor, align: bool) -> Predictor:
    """A predictor that turns no face upright, unless `align`."""
    if align:
        return predictor
    changed = copy.copy(predictor)
    rule = replace(predictor.network.rule, align=False, level_from=None)
    changed.network = replace(predictor.network, rule=rule)
    return changed


def _as_deepface(row: FaceRow) -> dict[str, Any]:
    """A face as deepface's /analyze describes it; percentages, and eyes as the person has them."""
    right, left = row.eyes or (None, None)
    return {
        "emotion": {name: 100 * share for name, share in row.probabilities.items()},
        "dominant_emotion": row.label,
        "region": {
            **dict(zip("xywh", map(round, row.box or ()), strict=True)),
            "left_eye": None if left is None else [round(place) for place in left],
            "right_eye": None if right is None else [round(place) for place in right],
        },
        "face_confidence": None if row.score is None else round(row.score, 2),
    }


def _looked_at(
    predictor: Predictor, frame: Frame, rows: Sequence[FaceRow], number: int
) -> dict[str, Any]:
    """The map of one face, with the pixels that the network received."""
    if not any(row.success and row.face_id == number for row in rows):
        raise HTTPException(422, f"looked_at must be the number of a predicted face, got {number}.")
    face = predictor.cut_out(frame, number)
    network = predictor.network
    found = occlusion_map(network, face)
    index = network.classes.index(found.label)
    evidence = None if network.grad_cam is None else network.grad_cam(face, index)
    colours = face if face.ndim == 3 else np.repeat(face[..., None], 3, axis=2)
    return {
        "face_id": number,
        "label": found.label,
        "probability": found.probability,
        "height": face.shape[0],
        "width": face.shape[1],
        "rgb": base64.b64encode(colours.tobytes()).decode(),
        "grad_cam": None if evidence is None else evidence.round(4).tolist(),
        "drop": found.drop.round(6).tolist(),
        "most": found.most,
    }
