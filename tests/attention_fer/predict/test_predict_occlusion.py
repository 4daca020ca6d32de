"""Maps by occlusion, of networks whose answer is known."""

from pathlib import Path

import numpy as np
import pytest

from attention_fer.predict import Predictor
from attention_fer.predict.cutting import CutRule
from attention_fer.predict.given import frames_of
from attention_fer.predict.networks.base import Network
from attention_fer.predict.occlusion import occlusion_map

PORTRAIT = Path(__file__).parents[2] / "fixtures" / "astronaut.jpg"


def network(brightness, colour="grey"):
    """Answers `brightness(face)`, 0 to 1, for the first of two classes."""

    def outputs(faces):
        first = np.array([brightness(face) for face in faces])
        return np.stack([first, 1 - first], axis=1)

    return Network(
        "made", "", ("bright", "dark"), (24, 24), colour, CutRule(), outputs, False, 1, None, {}
    )


def test_only_patches_over_what_matters_lower_the_probability():
    face = np.zeros((24, 24), np.uint8)
    face[10:12, 14:16] = 240  # part (5, 7) of 12 x 12
    found = occlusion_map(network(lambda face: 0.2 + 0.7 * (face[10, 14] > 200)), face)
    assert (found.label, found.probability) == ("bright", pytest.approx(0.9))
    assert found.most == pytest.approx(0.7)
    # By brute force: of the patches of 4 x 4 parts that hide a part, how many hide (5, 7), too.
    for row in range(12):
        for column in range(12):
            patches = [
                (y, x)
                for y in range(9)
                for x in range(9)
                if y <= row < y + 4 and x <= column < x + 4
            ]
            share = np.mean([y <= 5 < y + 4 and x <= 7 < x + 4 for y, x in patches])
            assert found.drop[row, column] == pytest.approx(0.7 * share)
    assert found.drop.argmax() == 5 * 12 + 7 and found.drop[0, 0] == 0


def test_a_patch_has_the_mean_colour_of_the_face():
    face = np.zeros((24, 24, 3), np.uint8)
    face[..., 0], face[..., 2], face[0, 0] = 100, 40, (255, 255, 255)
    seen = set()

    def brightness(face):
        seen.add(tuple(face[12, 12]))
        return 0.6

    found = occlusion_map(network(brightness, "rgb"), face)
    assert seen == {(100, 0, 40)} and found.most == 0 and not found.drop.any()


def test_a_patch_that_helps_is_negative():
    face = np.full((24, 24), 50, np.uint8)
    face[:, 12:] = 150
    found = occlusion_map(network(lambda face: 0.9 - face[0, 23] / 1000), face)
    assert found.drop[0, 11] == pytest.approx(-0.05) and found.most == 0


def test_the_mouth_makes_a_smile():
    predictor = Predictor(detector="cascade")
    (frame,) = frames_of(PORTRAIT)
    found = occlusion_map(predictor.network, predictor.cut_out(frame, 0))
    row, column = np.unravel_index(found.drop.argmax(), found.drop.shape)
    assert found.label == "happy" and row >= 7 and 3 <= column <= 8
    assert found.most > 0.2 and abs(found.drop[:5]).max() < found.most / 4


def test_the_face_is_what_the_network_answered():
    predictor = Predictor(detector="cascade")
    (frame,) = frames_of(PORTRAIT)
    ((row,),) = predictor.rows([frame])
    found = occlusion_map(predictor.network, predictor.cut_out(frame, 0))
    assert found.probability == pytest.approx(row.probability, abs=1e-6)
    with pytest.raises(ValueError, match=r"number must be .*, got 1\."):
        predictor.cut_out(frame, 1)
