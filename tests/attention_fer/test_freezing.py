import keras
import numpy as np
import pytest

from attention_fer import models
from attention_fer.training.freezing import freeze, phases

LAYERS = keras.layers


def network():
    inputs = keras.Input((4,))
    x = LAYERS.Dense(3, name="first")(inputs)
    x = LAYERS.BatchNormalization(name="norm")(x)
    x = LAYERS.Dense(3, activation="relu", name="second")(x)
    return keras.Model(inputs, LAYERS.Dense(2, activation="softmax", name="head")(x))


def nested():
    inputs = keras.Input((4,))
    return keras.Model(inputs, LAYERS.Dense(2, name="top")(network()(inputs)))


def trainable(model):
    return sorted({weight.path.split("/")[-2] for weight in model.trainable_weights})


@pytest.mark.parametrize(
    ("until", "frozen", "left"),
    [
        (None, [], ["first", "head", "norm", "second"]),
        (0, [], ["first", "head", "norm", "second"]),
        ("", [], ["first", "head", "norm", "second"]),
        (2, ["first"], ["head", "norm", "second"]),  # The input is the first layer.
        ("norm", ["first", "norm"], ["head", "second"]),
        ("all", ["first", "norm", "second"], ["head"]),
    ],
)
def test_the_beginning_is_frozen(until, frozen, left):
    model = network()
    assert freeze(model, until) == frozen
    assert trainable(model) == left


@pytest.mark.parametrize(
    ("head", "left"),
    [
        (None, ["predictions"]),
        ("transfer-vgg16", ["head_fc1", "head_fc2", "predictions"]),
    ],
)
def test_all_but_the_head_of_a_network_of_ours(head, left):
    model = models.build("vgg16", input_shape=(32, 32, 1), classes=3, head=head, width=0.03125)
    freeze(model, "all")
    assert [name for name in trainable(model) if name.startswith(("head_", "pred"))] == left


def test_layers_of_a_network_inside_count_in_its_place():
    model = nested()
    assert freeze(model, "norm") == ["first", "norm"]
    assert trainable(model) == ["head", "second", "top"]
    freeze(model, 4)  # Two inputs, first, norm.
    assert trainable(model) == ["head", "second", "top"]


def test_freezing_less_thaws_again():
    model = nested()
    freeze(model, "all")
    freeze(model, "first")
    assert trainable(model) == ["head", "norm", "second", "top"]


def test_a_network_that_would_be_frozen_whole_stays_as_it_was():
    model = nested()
    freeze(model, "first")
    model.get_layer("top").trainable = False
    with pytest.raises(ValueError, match="leaves nothing"):
        freeze(model, "top")
    assert trainable(model) == ["head", "norm", "second"]


def test_a_frozen_norm_uses_and_keeps_its_statistics():
    model = network()
    norm = model.get_layer("norm")
    images = np.random.default_rng(0).normal(3, 2, (16, 4)).astype("float32")
    freeze(model, "norm")
    head, before = model.get_layer("head"), norm.get_weights()
    start = head.get_weights()
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    kept = np.asarray(keras.ops.convert_to_numpy(model(images, training=True)))
    np.testing.assert_allclose(kept, model.predict(images, verbose=0), rtol=1e-5)
    model.fit(images, np.arange(16, dtype="int32") % 2, verbose=0)
    for old, new in zip(before, norm.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert not np.array_equal(start[0], head.get_weights()[0])


@pytest.mark.slow
def test_the_first_165_layers_of_resnet50_by_number_and_by_name():
    theirs = keras.applications.ResNet50(weights=None, input_shape=(32, 32, 3), include_top=False)
    by_number = freeze(theirs, 165)
    assert theirs.layers[164].name == "conv5_block2_out"
    assert by_number == freeze(theirs, "conv5_block2_out")
    assert by_number == [layer.name for layer in theirs.layers[:165] if layer.weights]
    ours = models.build("resnet50", attention="se", input_shape=(32, 32, 3), classes=7)
    found = freeze(ours, "conv5_block2_out")
    # The attention of each frozen block besides; the order within a block differs.
    assert set(by_number) < set(found)
    assert all("attention" in name for name in set(found) - set(by_number)), found
    assert len(set(found) - set(by_number)) == 15


def test_phases_cover_every_epoch_once():
    assert phases("all", ((3, "norm"), (6, None)), 8) == [
        (1, 2, "all"),
        (3, 5, "norm"),
        (6, 8, None),
    ]
    assert phases(None, (), 5) == [(1, 5, None)]


@pytest.mark.parametrize("unfreeze", [((1, None),), ((4, 1), (4, 0)), ((9, None),), ((0, None),)])
def test_epochs_that_do_not_rise_within_the_training_are_refused(unfreeze):
    with pytest.raises(ValueError, match="must increase .*8"):
        phases("all", unfreeze, 8)


@pytest.mark.parametrize(
    ("until", "message"),
    [
        ("nom", "Did you mean 'norm'"),
        (6, "5 layers, got 6"),
        (-1, "got -1"),
        (5, "Freezing 5 layers of .* leaves nothing"),
        ("head", "Freezing 5 layers of .* leaves nothing"),
    ],
)
def test_what_cannot_be_frozen_is_refused(until, message):
    with pytest.raises(ValueError, match=message):
        freeze(network(), until)
