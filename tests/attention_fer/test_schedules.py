import math

import keras
import pytest

from attention_fer.training.schedules import plateau, schedule


def rate(made, step):
    return float(made(step))


def test_cosine_rises_straight_and_falls_by_half_a_cosine():
    made = schedule("cosine", 0.2, steps=110, warmup_steps=10)
    for step in (0, 5, 10):
        assert rate(made, step) == pytest.approx(0.02 * step, abs=1e-7)
    for step in (10, 35, 60, 110):
        share = (1 + math.cos(math.pi * (step - 10) / 100)) / 2
        assert rate(made, step) == pytest.approx(0.2 * share, rel=1e-5, abs=1e-8)


def test_cosine_without_warm_up_begins_at_the_top():
    made = schedule("cosine", 0.2, steps=100)
    assert rate(made, 0) == pytest.approx(0.2)
    assert rate(made, 50) == pytest.approx(0.1)
    assert rate(made, 100) == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize("kind", ["constant", "plateau"])
def test_others_are_the_number_itself(kind):
    assert schedule(kind, 0.2, steps=10) == 0.2


def test_plateau_lowers_the_learning_rate_after_its_patience():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.optimizer.learning_rate = 1.0
    callback = plateau(factor=0.5, patience=2, minimum=0.2)
    callback.set_model(model)
    callback.on_train_begin()
    rates = []
    for epoch, loss in enumerate([1.0, 0.99999, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]):
        callback.on_epoch_end(epoch, {"val_loss": loss})
        rates.append(float(model.optimizer.learning_rate))
    # The second epoch improves, by little; two without follow, twice, and then the minimum.
    assert rates == pytest.approx([1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.2])


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("cosin", {}, "Did you mean 'cosine'"),
        ("cosine", {"warmup_steps": 10}, "below 10, got 10"),
        ("constant", {"warmup_steps": 1}, "Only the schedule 'cosine' has a warm-up"),
    ],
)
def test_bad_options_are_refused(kind, options, message):
    with pytest.raises(ValueError, match=message):
        schedule(kind, 0.1, steps=10, **options)
