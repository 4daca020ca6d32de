"""Suppression keeps what a naive loop keeps."""

import decoding_reference
import numpy as np
import pytest

from preprocessing.detectors.nms import suppress


def random_boxes(seed, n):
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 60, (n, 2))
    boxes = np.concatenate([low, low + rng.uniform(5, 40, (n, 2))], axis=1).astype("float32")
    return boxes, rng.uniform(0, 1, n).astype("float32")


@pytest.mark.parametrize("most", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_it_keeps_what_a_naive_loop_keeps_in_its_order(seed, most):
    boxes, scores = random_boxes(seed, 80)
    expected = decoding_reference.suppress(boxes.tolist(), scores.tolist(), most)
    assert suppress(boxes, scores, most).tolist() == expected


def test_of_equal_boxes_with_equal_scores_the_first_stays():
    boxes, _ = random_boxes(0, 1)
    many = np.repeat(boxes, 300, axis=0)
    assert suppress(many, np.tile(np.float32([0.3, 0.5, 0.4]), 100), 0.5).tolist() == [1]


def test_boxes_without_area_and_no_boxes_do_no_harm():
    boxes = np.array([[5, 5, 5, 5], [0, 0, 9, 9]], np.float32)
    assert suppress(boxes, np.array([0.9, 0.8], np.float32), 0.5).tolist() == [0, 1]
    assert suppress(np.empty((0, 4), np.float32), np.empty(0, np.float32), 0.5).size == 0
