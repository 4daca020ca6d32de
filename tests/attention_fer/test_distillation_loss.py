import keras
import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from attention_fer.explain.maps.running import gradient
from attention_fer.training.distillation import Distillation

RNG = np.random.default_rng(0)
TEACHER, STUDENT, HEAD = (RNG.normal(0, 3, (6, 4)) for _ in range(3))  # Logits.
OF_LABELS = RNG.random(6)


def combined(distillation, student=STUDENT):
    arguments = (OF_LABELS, softmax(TEACHER, -1), softmax(student, -1))
    tensors = [keras.ops.convert_to_tensor(x, "float32") for x in arguments]
    found = distillation.combine(*tensors)
    return keras.ops.convert_to_numpy(found)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_soft_distillation_is_the_divergence_of_the_tempered_logits(temperature):
    teacher = softmax(TEACHER / temperature, -1)
    student = log_softmax(STUDENT / temperature, -1)
    divergence = (teacher * (np.log(teacher) - student)).sum(-1)
    expected = 0.3 * OF_LABELS + 0.7 * temperature**2 * divergence
    found = combined(Distillation("soft", temperature, 0.7))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_hard_distillation_is_the_cross_entropy_with_the_teachers_choice():
    chosen = -log_softmax(STUDENT, -1)[np.arange(6), TEACHER.argmax(-1)]
    expected = 0.25 * OF_LABELS + 0.75 * chosen
    np.testing.assert_allclose(combined(Distillation("hard", weight=0.75)), expected, rtol=1e-4)


def test_a_student_that_agrees_has_nothing_to_learn_from_a_soft_teacher():
    found = combined(Distillation("soft", weight=1.0), student=TEACHER)
    np.testing.assert_allclose(found, 0, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "sofd"}, "Did you mean 'soft'"),
        ({"temperature": 0.0}, "temperature must be .*above 0"),
        ({"weight": 1.5}, "weight must be .*1.5"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Distillation(**options)


def test_no_gradient_flows_into_the_teacher():
    teacher, student = (
        keras.ops.softmax(keras.random.normal((4, 3), seed=seed)) for seed in (0, 1)
    )
    soft = Distillation("soft", temperature=2.0, weight=0.5)

    def mean(goal, found):
        return keras.ops.mean(soft.combine(keras.ops.zeros(4), goal, found))

    learned = gradient(lambda found: mean(teacher, found), student)
    assert np.abs(keras.ops.convert_to_numpy(learned)).max() > 0.01
    taught = gradient(lambda goal: mean(goal, student), teacher)
    assert np.abs(keras.ops.convert_to_numpy(taught)).max() == 0
