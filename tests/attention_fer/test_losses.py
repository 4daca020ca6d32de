import keras
import numpy as np
import pytest

from attention_fer.training.losses import Sparse, loss

RNG = np.random.default_rng(0)
SOFT = RNG.dirichlet(np.ones(5), 8).astype("float32")
FOUND = RNG.dirichlet(np.ones(5), 8).astype("float32")
WEIGHTS = (1.0, 0.5, 0.0, 2.0, 3.0)


def value(made, labels=SOFT, found=FOUND):
    return float(made(labels, found))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_loss_is_the_formula_of_the_paper(gamma):
    expected = (-SOFT * (1 - FOUND) ** gamma * np.log(FOUND)).sum(1).mean()
    assert value(loss("focal", gamma=gamma)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_without_gamma_the_focal_loss_is_keras_cross_entropy(smoothing):
    keras_own = keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)
    for kind in ("focal", "crossentropy"):
        found = value(loss(kind, gamma=0.0, label_smoothing=smoothing))
        assert found == pytest.approx(value(keras_own), rel=1e-5)


def test_class_weights_multiply_the_loss_of_each_image_by_those_of_its_label():
    each = (-SOFT * np.log(FOUND)).sum(1) * (SOFT @ np.array(WEIGHTS))
    assert value(loss(class_weights=WEIGHTS)) == pytest.approx(each.mean(), rel=1e-5)


def test_class_weights_look_at_the_label_before_it_is_smoothed():
    label = np.eye(5, dtype="float32")[[2]]  # Of weight 0.
    assert value(loss(class_weights=WEIGHTS, label_smoothing=0.2), label, FOUND[:1]) == 0


@pytest.mark.parametrize("shape", [(8,), (8, 1)])
def test_whole_numbers_give_the_loss_of_their_one_hot_vectors(shape):
    labels = RNG.integers(0, 5, shape)
    soft = np.eye(5, dtype="float32")[labels.ravel()]
    made = loss("focal", class_weights=WEIGHTS, label_smoothing=0.1)
    assert value(Sparse(made, 5), labels) == pytest.approx(value(made, soft), rel=1e-6)


def test_a_loss_survives_being_written_down():
    made = Sparse(loss("focal", gamma=1.5, label_smoothing=0.1, class_weights=WEIGHTS), 5)
    written = keras.saving.serialize_keras_object(made)
    labels = RNG.integers(0, 5, 8)
    again = keras.saving.deserialize_keras_object(written)
    assert value(again, labels) == pytest.approx(value(made, labels), rel=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "cross"}, "Did you mean 'crossentropy'"),
        ({"label_smoothing": 1.0}, "label_smoothing must be .*1.0"),
        ({"gamma": -1.0}, "gamma must be at least 0, got -1.0"),
        ({"class_weights": (1.0, -1.0)}, "at least 0, got .1.0, -1.0."),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        loss(**options)


def test_class_weights_of_another_number_of_classes_are_refused():
    with pytest.raises(ValueError, match="class_weights .*5 classes, got 2"):
        value(loss(class_weights=(1.0, 2.0)))
