"""Attention in models of every shape: nested, shared, with several inputs, frozen, compiled."""

import keras
import numpy as np
import pytest
from attaching_networks import IMAGES, SIDE, bottleneck, conv, difference, outputs, resnet
from keras import layers as kl
from layer_probes import BACKEND, channels_first, features, randomised, to_numpy

import attention_fer
from attention_fer import layers, recipes
from attention_fer.training.model import training_model


def places(receipt):
    return [place.after for place in receipt.places]


def modules(model):
    found = model._flatten_layers() if isinstance(model, keras.Model) else []
    return [one for one in found if isinstance(one, layers.ECA)]


def of_random(attached):
    for module in modules(attached):
        randomised(module)
    return attached


def wrapped(body):
    """A preparation, a network inside, a head."""
    image = keras.Input((SIDE, SIDE, 3))
    x = kl.Rescaling(0.7, name="before")(image)
    x = kl.GlobalAveragePooling2D(name="pool")(body(x))
    return randomised(keras.Model(image, kl.Dense(3, name="top")(x), name="wrapped"), scale=0.2)


@pytest.mark.parametrize("after", ["residual", "resnet/?_2_bn"])
def test_models_inside_are_opened(after):
    plain = wrapped(resnet(top=False))
    attached, receipt = attention_fer.attach(plain, "eca", after=after)
    assert places(receipt) == ["resnet/a_2_bn", "resnet/b_2_bn", "resnet/c_2_bn"]
    inside = attached.get_layer("resnet")
    assert inside.get_layer("b_2_bn_attention").input is inside.get_layer("b_2_bn").output
    assert difference(attached, plain, IMAGES) == 0
    assert receipt.weights_kept == receipt.weights == len(plain.weights)
    assert difference(of_random(attached), plain, IMAGES) > 1e-3


def test_a_residual_branch_may_be_a_model_inside():
    image = keras.Input((SIDE, SIDE, 3))
    x = conv(image, 8, "stem")
    entry = keras.Input(x.shape[1:])
    branch = keras.Model(entry, conv(conv(entry, 8, "one"), 8, "two"), name="branch")
    plain = randomised(keras.Model(image, kl.ReLU()(x + branch(x))), scale=0.2)
    attached, receipt = attention_fer.attach(plain, "eca", after="residual")
    assert places(receipt) == ["branch/two"]
    assert difference(attached, plain, IMAGES) == 0


def test_a_model_that_is_called_twice_has_one_module_in_it():
    one, two = keras.Input((SIDE, SIDE, 3)), keras.Input((SIDE, SIDE, 3))
    body = resnet(top=False)
    x = kl.GlobalAveragePooling2D()(body(one) - body(two))
    plain = randomised(keras.Model([one, two], kl.Dense(2)(x)), scale=0.3)
    attached, receipt = attention_fer.attach(plain, "eca", after="residual")
    assert places(receipt) == ["resnet/a_2_bn", "resnet/b_2_bn", "resnet/c_2_bn"]
    other = features(3, SIDE, SIDE, 3, seed=5)
    assert difference(attached, plain, IMAGES, other) == 0
    swapped = outputs(of_random(attached), other, IMAGES)[0]
    bias = attached.layers[-1].bias
    np.testing.assert_allclose(
        swapped - to_numpy(bias), to_numpy(bias) - outputs(attached, IMAGES, other)[0], atol=1e-4
    )


def test_a_layer_that_is_called_twice_shares_its_module_if_it_has_weights():
    image = keras.Input((SIDE, SIDE, 3))
    shared, act = kl.Conv2D(3, 3, padding="same", name="shared"), kl.ReLU(name="act")
    x = act(shared(act(shared(image))))
    x = act(conv(x, 8, "last"))
    plain = randomised(keras.Model(image, kl.GlobalAveragePooling2D()(x)), scale=0.5)
    attached, receipt = attention_fer.attach(plain, "eca", after=["shared", "act"], start="paper")
    assert places(receipt) == ["shared", "act", "shared", "act", "act"]
    assert [place.module for place in receipt.places] == [
        "shared_attention", "act_attention", "shared_attention", "act_attention_2",
        "act_attention_3",
    ]  # fmt: skip
    assert receipt.parameters == attached.count_params() - plain.count_params()
    assert "shared is called several times" in " ".join(receipt.notes)
    of_random(attached)
    find = {one.name: one for one in modules(attached)}
    y = IMAGES
    for number in ("", "_2"):
        y = find["shared_attention"](attached.get_layer("shared")(y))
        y = find[f"act_attention{number}"](keras.ops.relu(y))
    y = find["act_attention_3"](keras.ops.relu(attached.get_layer("last")(y)))
    expected = to_numpy(keras.ops.mean(y, axis=(1, 2)))
    np.testing.assert_allclose(outputs(attached, IMAGES)[0], expected, rtol=1e-5, atol=1e-6)


def test_several_inputs_and_outputs():
    images = {"left": keras.Input((SIDE, SIDE, 3), name="left"),
              "right": keras.Input((8, 8, 1), name="right"),
              "age": keras.Input((2,), name="age")}  # fmt: skip
    left = bottleneck(conv(images["left"], 8, "left_stem"), 16, "l", 2)
    right = bottleneck(conv(images["right"], 8, "right_stem"), 16, "r")
    pooled = [kl.GlobalAveragePooling2D()(x) for x in (left, right)]
    x = kl.Concatenate()([*pooled, images["age"]])
    ends = {"class": kl.Dense(3, name="class")(x), "map": conv(left, 2, "map")}
    plain = randomised(keras.Model(images, ends), scale=0.3)
    given = {
        "left": IMAGES,
        "right": features(3, 8, 8, 1, seed=3),
        "age": features(3, 2, seed=4),
    }
    attached, receipt = attention_fer.attach(plain, "eca", after=["residual", "stage"])
    assert sorted(places(receipt)) == ["l_2_bn", "l_out", "left_stem", "r_2_bn", "r_out"]
    before, after = plain(given), attached(given)
    assert set(after) == {"class", "map"}
    for name, output in before.items():
        np.testing.assert_array_equal(to_numpy(after[name]), to_numpy(output))
    changed = of_random(attached)(given)
    assert all(np.abs(to_numpy(changed[n]) - to_numpy(before[n])).max() > 1e-3 for n in before)


def test_operations_and_lambdas_are_kept():
    factor = 3.0
    image = keras.Input((SIDE, SIDE, 3))
    x = kl.Lambda(lambda t: t * factor, name="times")(conv(image, 8, "one"))
    x = keras.ops.relu(x[:, 1:] - 0.5)
    y = keras.ops.relu(conv(conv(x, 8, "two"), 8, "three"))
    x = x + y
    plain = randomised(keras.Model(image, kl.Dense(2)(keras.ops.mean(x, axis=(1, 2)))), scale=0.3)
    attached, receipt = attention_fer.attach(plain, "eca", after=["residual", "times"])
    relu_name = y._keras_history.operation.name
    assert places(receipt) == ["times", relu_name]
    assert difference(attached, plain, IMAGES) == 0
    assert difference(of_random(attached), plain, IMAGES) > 1e-3


def test_a_sequential_model_becomes_functional():
    plain = keras.Sequential(
        [keras.Input((SIDE, SIDE, 3)), kl.Conv2D(8, 3, name="one"), resnetlike(), kl.Flatten()],
        name="stack",
    )
    attached, receipt = attention_fer.attach(plain, "eca", after="one")
    assert places(receipt) == ["one"] and attached.name == "stack"
    assert difference(attached, plain, IMAGES) == 0


def resnetlike():
    return keras.Sequential([kl.Conv2D(4, 3, name="two"), kl.ReLU()], name="inner")


def test_layers_inside_a_sequential_model_inside():
    image = keras.Input((SIDE, SIDE, 3))
    plain = keras.Model(image, kl.GlobalAveragePooling2D()(resnetlike()(conv(image, 8, "one"))))
    attached, receipt = attention_fer.attach(plain, "eca", after="two")
    assert places(receipt) == ["inner/two"]
    assert difference(attached, plain, IMAGES) == 0


def test_frozen_layers_stay_frozen_and_modules_learn():
    plain = wrapped(resnet(top=False))
    plain.get_layer("resnet").trainable = False
    plain.get_layer("resnet").get_layer("c_2_conv").trainable = True
    attached, receipt = attention_fer.attach(plain, "eca", after="residual")
    assert len(attached.trainable_weights) == len(plain.trainable_weights) + 3
    assert {module.trainable for module in modules(attached)} == {True}
    assert attached.get_layer("resnet").get_layer("c_2_conv").trainable
    plain.trainable = False
    plain.get_layer("top").trainable = True  # Its model, the outermost, is frozen all the same.
    attached, receipt = attention_fer.attach(plain, "eca", after="residual")
    assert len(attached.trainable_weights) == 3 and "frozen" in receipt.notes[0]
    x = features(2, SIDE, SIDE, 3, scale=4.0)
    assert difference(attached, plain, x) == 0
    training = to_numpy(attached(x, training=True))  # Frozen normalisations use their statistics.
    np.testing.assert_allclose(training, outputs(plain, x)[0], rtol=1e-5, atol=1e-6)


def test_the_copy_is_not_compiled_and_says_so():
    plain = resnet()
    plain.compile("sgd", "mse")
    attached, receipt = attention_fer.attach(plain, "eca", after="a_out")
    assert not attached.compiled and receipt.notes == (
        "The model was compiled, but its copy is not: compile the copy.",
    )
    attached.compile("sgd", "mse")
    attached.fit(IMAGES, np.zeros((3, 5)), verbose=0)


def test_the_class_of_a_model_is_lost_with_a_note():
    class Twin(keras.Model):
        def extra(self):
            return 1

    body = resnet()
    plain = Twin(body.inputs, body.outputs, name="own")
    _, receipt = attention_fer.attach(plain, "eca", after="a_out")
    assert receipt.notes == ("own is a Twin, but its copy is a plain keras.Model.",)


def test_an_adapted_normalisation_is_copied():
    image = keras.Input((SIDE, SIDE, 3))
    adapted = kl.Normalization()
    x = conv(adapted(image), 4, "one")
    plain = keras.Model(image, x)
    adapted.adapt(3 * IMAGES + 5)
    attached, _ = attention_fer.attach(plain, "eca", after="one")
    assert difference(attached, plain, IMAGES) == 0


def test_a_place_with_a_mask_is_refused():
    tokens = keras.Input((6,), dtype="int32")
    x = kl.Embedding(9, 8, mask_zero=True, name="embedding")(tokens)
    plain = keras.Model(tokens, kl.GlobalAveragePooling1D()(x))
    with pytest.raises(ValueError, match="'embedding', which has an output with a mask"):
        attention_fer.attach(plain, "eca", after="embedding")


def test_places_with_two_outputs_or_whole_numbers_are_refused():
    image = keras.Input((8, 4))
    many = kl.LSTM(5, return_sequences=True, return_state=True, name="many")(image)[0]
    whole = keras.ops.cast(many, "int32")
    name = whole._keras_history.operation.name
    plain = keras.Model(image, whole)
    with pytest.raises(ValueError, match="'many', which has 3 outputs"):
        attention_fer.attach(plain, "eca", after="many")
    with pytest.raises(ValueError, match=f"'{name}', which has an output of int32"):
        attention_fer.attach(plain, "eca", after=name)


def test_sequences_and_volumes():
    sound, volume = keras.Input((30, 2)), keras.Input((6, 6, 6, 1))
    x = kl.GlobalAveragePooling1D()(kl.Conv1D(8, 5, strides=2, name="one")(sound))
    y = kl.GlobalAveragePooling3D()(kl.Conv3D(8, 3, name="two")(volume))
    plain = randomised(keras.Model([sound, volume], kl.Dense(2)(x + y)))
    attached, receipt = attention_fer.attach(plain, "eca", after="stage")
    assert sorted(places(receipt)) == ["one", "two"]
    given = features(2, 30, 2), features(2, 6, 6, 6, 1)
    assert difference(attached, plain, *given) == 0


@pytest.mark.parametrize("axis", [1, 3])
def test_modules_follow_the_data_format_of_the_layer(axis):
    form = "channels_first" if axis == 1 else "channels_last"
    image = keras.Input((3, 8, 9) if axis == 1 else (8, 9, 3))
    x = kl.Conv2D(16, 3, data_format=form, name="one")(image)
    x = kl.ReLU(name="act")(kl.BatchNormalization(axis=axis)(x))
    plain = keras.Model(image, kl.GlobalAveragePooling2D(data_format=form)(x))
    attached, _ = attention_fer.attach(plain, ("se", {"reduction_ratio": 4}), after="act")
    module = attached.get_layer("act_attention")
    assert module.data_format == form and module.channels == 16
    assert places(attention_fer.attach(plain, "eca", after="stage")[1]) == ["act"]
    if axis == 3 or BACKEND != "tensorflow":  # TensorFlow convolves channels first on a GPU only.
        x = features(2, 8, 9, 3)
        assert difference(attached, plain, channels_first(x) if axis == 1 else x) == 0
    template = layers.SE(reduction_ratio=4, data_format="channels_last")
    if axis == 1:
        with pytest.raises(ValueError, match="'act'.*channels_first.*channels_last"):
            attention_fer.attach(plain, template, after="act")


def test_an_unknown_size():
    image = keras.Input((None, None, 3))
    x = bottleneck(conv(image, 8, "stem"), 16, "a", 2)
    plain = randomised(keras.Model(image, kl.GlobalAveragePooling2D()(x)), scale=0.3)
    attached, receipt = attention_fer.attach(plain, "eca", after=["stage", "residual"])
    assert places(receipt) == ["stem", "a_2_bn", "a_out"]
    assert receipt.multiply_adds is None and "? x ? x 16" in str(receipt)
    assert difference(attached, plain, IMAGES) == 0


def test_a_network_in_training_is_refused():
    training = training_model(resnet(), recipes.get("published"), image_shape=(SIDE, SIDE, 3))
    with pytest.raises(ValueError, match="TrainingModel"):
        attention_fer.attach(training, "se", after="*")
