"""Interleaved times, their ratios, and those of steps and predictions."""

import keras
import pytest

from attention_fer.recipes import Recipe
from attention_fer.training.model import training_model
from benchmarks.train.cost import interleaved, measure, ratios


def test_each_has_its_turn_and_begins_as_often():
    order = []
    times = interleaved(
        {name: lambda name=name: order.append(name) for name in "abc"}, 3, warm_up=1
    )
    assert "".join(order) == "abcbcacababc"
    assert {name: len(found) for name, found in times.items()} == {"a": 3, "b": 3, "c": 3}


def test_a_call_may_measure_itself():
    assert interleaved({"a": lambda: 2.0}, 2) == {"a": [2.0, 2.0]}


def test_ratios_are_of_the_same_round():
    found = ratios([2.0, 6.0, 4.0], [1.0, 2.0, 4.0])
    assert found == {"median": 2.0, "low": 1.5, "high": 2.5}
    # Of two rounds, too, the quartiles lie between the ratios.
    assert ratios([1.0, 9.0], [1.0, 1.0]) == {"median": 5.0, "low": 3.0, "high": 7.0}


def test_one_round_is_too_few():
    with pytest.raises(ValueError, match="at least 2"):
        interleaved({"a": lambda: 1.0}, 1)


def dense(*units, **recipe):
    layers = [keras.layers.Dense(n) for n in units]
    network = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), *layers])
    network.add(keras.layers.Dense(3, "softmax"))
    made = training_model(network, Recipe(optimizer="sgd", zoom=0.0, flip=False, **recipe))
    made.compile()
    return made


@pytest.mark.slow
def test_a_network_that_computes_more_takes_longer():
    models = {"small": dense(8), "large": dense(2048, 2048, 2048)}
    times = measure(models, batch_size=64, rounds=3, steps=2)
    assert set(times) == {"step", "image", "batch"}
    for kind in ("step", "batch"):
        assert ratios(times[kind]["large"], times[kind]["small"])["median"] > 2, kind


def test_a_model_that_reads_labels_is_measured_too():
    times = measure({"mixed": dense(8, augmentation=(("mixup", ()),))}, 8, rounds=2, steps=1)
    assert all(0 < seconds < 60 for of in times.values() for seconds in of["mixed"])
