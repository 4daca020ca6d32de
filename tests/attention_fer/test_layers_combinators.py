"""`sequence` and `parallel` against calls of their members by hand."""

import functools

import keras
import numpy as np
import pytest
from layer_probes import (
    CHANNELS,
    built,
    channels_first,
    features,
    randomised,
    recombined,
    to_numpy,
)

from attention_fer import layers

X = features(3, 6, 5, CHANNELS)
GC = ("gc", {"reduction_ratio": 4, "fusion": "both"})
SHUFFLE = ("shuffle", {"groups": 4})
MEMBERS = {
    "gates": ["eca", "cbam_spatial"],
    "twice": ["cbam", ("se", {"reduction_ratio": 4}), "cbam"],
    "terms": [GC, "se", GC],
    "shuffled": [SHUFFLE, "eca", SHUFFLE],
    "one": ["cbam"],
    "nested": [("parallel", {"modules": ["se", GC]}), ("sequence", {"modules": ["eca", SHUFFLE]})],
}
each_members = pytest.mark.parametrize("modules", MEMBERS.values(), ids=MEMBERS)
each_training = pytest.mark.parametrize("training", (False, True))
COMBINED = {"mean": np.mean, "add": np.sum, "max": np.max}


def by_hand(layer, specs):
    """New layers with the weights of the members."""
    copies = [built(spec, X.shape) for spec in specs]
    for copy, member in zip(copies, layer.members, strict=True):
        copy.set_weights(member.get_weights())
    return copies


def close(got, expected):
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def same_statistics(layer, copies):
    for copy, member in zip(copies, layer.members, strict=True):
        for ours, theirs in zip(member.get_weights(), copy.get_weights(), strict=True):
            close(ours, theirs)


@each_members
@each_training
def test_a_sequence_calls_each_module_on_what_the_one_before_it_returns(modules, training):
    layer = built(("sequence", {"modules": modules}), X.shape)
    copies, expected = by_hand(layer, modules), X
    for copy in copies:
        expected = copy(expected, training=training)
    close(to_numpy(layer(X, training=training)), to_numpy(expected))
    same_statistics(layer, copies)


@each_members
@each_training
@pytest.mark.parametrize("combination", COMBINED)
def test_parallel_modules_see_the_same_input(modules, training, combination):
    layer = built(("parallel", {"modules": modules, "combination": combination}), X.shape)
    copies = by_hand(layer, modules)
    outputs = [to_numpy(copy(X, training=training)) for copy in copies]
    expected = COMBINED[combination](outputs, axis=0)
    close(to_numpy(layer(X, training=training)), expected)
    same_statistics(layer, copies)


@each_training
@pytest.mark.parametrize("modules", (MEMBERS["gates"], MEMBERS["twice"]), ids=("gates", "twice"))
def test_a_product_multiplies_the_input_once_by_all_gates(modules, training):
    layer = built(("parallel", {"modules": modules, "combination": "product"}), X.shape)
    expected = X.astype("float64")
    for copy in by_hand(layer, modules):
        expected *= to_numpy(copy(X, training=training)).astype("float64") / X
    close(to_numpy(layer(X, training=training)), expected)


def test_the_default_of_parallel_is_the_mean():
    assert layers.get(("parallel", {"modules": ["se"]})).combination == "mean"


@each_members
@pytest.mark.parametrize("data_format", ("channels_last", "channels_first"))
def test_what_a_combinator_shows_makes_its_output(modules, data_format):
    x = X if data_format == "channels_last" else channels_first(X)
    options = {"modules": modules, "data_format": data_format}
    for spec in (
        ("sequence", options),
        ("parallel", options),
        ("parallel", {**options, "combination": "max"}),
    ):
        layer = built(spec, x.shape)
        close(recombined(layer, x), to_numpy(layer(x)))


def test_gates_have_the_name_of_their_module_and_are_those_it_computes():
    layer = built(("sequence", {"modules": MEMBERS["twice"]}), X.shape)
    found, x, names = layer.attention_maps(X), X, ("cbam", "se", "cbam_2")
    assert [member.name for member in layer.members] == list(names)
    assert list(found) == [
        "cbam/channel",
        "cbam/spatial",
        "se/channel",
        "cbam_2/channel",
        "cbam_2/spatial",
    ]
    for name, copy in zip(names, by_hand(layer, MEMBERS["twice"]), strict=True):
        for gate, value in copy.attention_maps(x).items():
            close(to_numpy(found[f"{name}/{gate}"]), to_numpy(value))
        x = copy(x)


def test_parallel_gates_and_views_are_those_of_the_input():
    layer = built(("parallel", {"modules": ["se", GC]}), X.shape)
    se, gc = by_hand(layer, ["se", GC])
    gates, views = layer.attention_maps(X), layer.attention_views(X)
    assert list(gates) == ["se/channel", "gc/channel"] and list(views) == ["gc/spatial"]
    close(to_numpy(gates["se/channel"]), to_numpy(se.attention_maps(X)["channel"]))
    close(to_numpy(gates["gc/channel"]), to_numpy(gc.attention_maps(X)["channel"]))
    close(to_numpy(views["gc/spatial"]), to_numpy(gc.attention_views(X)["spatial"]))


def test_views_of_a_sequence_are_those_of_what_their_module_sees():
    layer = built(("sequence", {"modules": ["se", GC]}), X.shape)
    se, gc = by_hand(layer, ["se", GC])
    (view,) = layer.attention_views(X).values()
    close(to_numpy(view), to_numpy(gc.attention_views(se(X))["spatial"]))
    assert np.abs(to_numpy(view) - to_numpy(gc.attention_views(X)["spatial"])).max() > 1e-3


def test_names_and_ranges_of_nested_gates():
    inner = ("parallel", {"modules": ["se", ("eca", {"start": "identity"})]})
    layer = built(("sequence", {"modules": [inner, "dan", inner]}), X.shape)
    maps = layer.attention_maps(X)
    assert {name: layer.gate_range(name) for name in maps} == {
        "parallel/se/channel": (0, 1),
        "parallel/eca/channel": (0, 2),
        "dan/spatial": (0, None),
        "dan/channel": (0, 1),
        "parallel_2/se/channel": (0, 1),
        "parallel_2/eca/channel": (0, 2),
    }


def test_modules_take_over_start_format_and_precision_unless_they_have_their_own():
    options = {"start": "identity", "data_format": "channels_first", "dtype": "mixed_bfloat16"}
    own = ("se", {"reduction_ratio": 4, "dtype": "float32"})
    layer = layers.Sequence(["eca", layers.CBAM, own], **options)
    layer.build((None, CHANNELS, 4, 4))
    for member in layer.members[:2]:
        config = member.get_config()
        assert {key: config[key] for key in ("start", "data_format")} == {
            key: options[key] for key in ("start", "data_format")
        }
        assert member.dtype_policy.name == "mixed_bfloat16"
    assert layer.members[2].start == "identity" and layer.members[2].compute_dtype == "float32"
    layer = layers.Sequence(["eca", ("se", {"start": "identity"})], start="paper")
    layer.build(X.shape)
    assert [member.start for member in layer.members] == ["paper", "identity"]


def test_a_template_gives_its_configuration_but_neither_its_weights_nor_itself():
    template = layers.SE(reduction_ratio=4, start="identity", name="mine")
    template.build(X.shape)
    template.squeeze.bias.assign(np.ones(8))
    layer = layers.Sequence([template, template])
    layer.build(X.shape)
    assert [member.name for member in layer.members] == ["se", "se_2"]
    for member in layer.members:
        assert member is not template and member.reduction_ratio == 4
        assert member.start == "identity" and to_numpy(member.squeeze.bias).max() == 0
    assert template.name == "mine"
    kernels = [to_numpy(member.squeeze.kernel) for member in layer.members]
    assert np.abs(kernels[0] - kernels[1]).max() > 0.01


@keras.saving.register_keras_serializable("tests")
class Thirds(layers.AttentionModule):
    """A user's module without a registered name."""

    def gates(self, inputs, training=None):
        return {"all": keras.ops.ones_like(inputs) / 3}


def test_a_module_without_a_name_is_named_after_its_class():
    layer = layers.Sequence([Thirds, "se"])
    assert list(layer.attention_maps(X)) == ["thirds/all", "se/channel"]
    (se,) = by_hand_of_second(layer)
    close(to_numpy(layer(X)), to_numpy(se(X / 3)))


def by_hand_of_second(layer):
    se = built("se", X.shape)
    se.set_weights(layer.members[1].get_weights())
    return [se]


def model_of(layer):
    image = keras.Input(X.shape[1:])
    y = keras.layers.GlobalAveragePooling2D()(layer(image))
    return keras.Model(image, keras.layers.Dense(2, activation="softmax", name="head")(y))


def reloaded(model, folder):
    model.save(folder / "m.keras")
    return keras.saving.load_model(folder / "m.keras")


def fitted(model):
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    wrong = to_numpy(model(X)).argmin(axis=1)
    model.fit(X, wrong, epochs=2, verbose=0)


def frozen_template():
    return layers.Sequence([layers.CBAM(trainable=False), "se"])


def frozen_member():
    layer = layers.Sequence(["cbam", "se"])
    layer.build(X.shape)
    layer.members[0].trainable = False
    return layer


def frozen_whole():
    return layers.Sequence(["cbam", "se"], trainable=False)


@pytest.mark.parametrize("load", (False, True), ids=("itself", "loaded"))
@pytest.mark.parametrize(
    ("make", "learning"), [(frozen_template, 4), (frozen_member, 4), (frozen_whole, 0)]
)
def test_frozen_members_learn_nothing_and_keep_their_statistics(make, learning, load, tmp_path):
    model = randomised(model_of(make()), scale=0.1)
    model = reloaded(model, tmp_path) if load else model
    layer = model.layers[1]
    assert len(layer.trainable_weights) == learning
    before = [np.array(w) for member in layer.members for w in member.get_weights()]
    fitted(model)
    after = [w for member in layer.members for w in member.get_weights()]
    moved = [np.abs(old - new).max() > 0 for old, new in zip(before, after, strict=True)]
    assert not any(moved[:9]) and any(moved[9:]) == (learning > 0)


@pytest.mark.slow
def test_a_quantised_combinator_computes_the_same_when_loaded(tmp_path):
    modules = ["cbam", ("parallel", {"modules": ["se", GC]})]
    model = randomised(model_of(layers.Sequence(modules)), scale=0.2)
    exact = to_numpy(model(X))
    model.quantize("int8", filters=lambda layer: isinstance(layer, keras.layers.Dense))
    expected = to_numpy(model(X))
    assert np.abs(expected - exact).max() > 0
    again = reloaded(model, tmp_path)
    assert again.layers[1].members[1].members[0].squeeze.quantization_mode == "int8"
    np.testing.assert_array_equal(to_numpy(again(X)), expected)


def test_the_configuration_makes_an_equal_layer_with_members_of_its_own():
    layer = layers.Parallel(MEMBERS["nested"], combination="max", start="paper")
    config = layer.get_config()
    again = layers.Parallel.from_config(config)
    assert again.get_config() == config
    again.build(X.shape)
    layer.build(X.shape)
    again.set_weights(randomised(layer).get_weights())
    close(to_numpy(again(X)), to_numpy(layer(X)))


# Sums of five and seven equal numbers are rounded, so that a fifth of them is another number.
ALIKE = [["se", "eca"], ["se"] * 5, ["cbam", "eca", "se", GC, "se", "eca", "cbam_spatial"]]


@pytest.mark.parametrize("policy", ("float32", "float16", "mixed_bfloat16"))
@pytest.mark.parametrize("modules", ALIKE, ids=len)
def test_modules_that_start_as_the_identity_do_so_together(modules, policy):
    x = features(2, 6, 5, CHANNELS, scale=10)
    for kind, options in (
        (layers.Sequence, {}),
        (layers.Parallel, {}),
        (layers.Parallel, {"combination": "max"}),
    ):
        layer = kind(modules, start="identity", dtype=policy, **options)
        same = keras.ops.convert_to_tensor(x, layer.compute_dtype)
        for training in (False, True):
            y = layer(x, training=training)
            np.testing.assert_array_equal(to_numpy(y), to_numpy(same))


def test_the_mean_of_large_numbers_is_no_overflow():
    x = np.full((1, 4, 4, CHANNELS), 30000, "float16")
    x[:, ::2] *= -1
    layer = layers.Parallel(["se", "eca", "se"], start="identity", dtype="float16")
    np.testing.assert_array_equal(to_numpy(layer(x)), x.astype("float32"))


def test_an_identity_product_is_the_identity():
    layer = layers.Parallel(["se", "cbam"], combination="product", start="identity")
    np.testing.assert_array_equal(to_numpy(layer(X)), X)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            functools.partial(layers.Parallel, ["se", "eca"], combination="add"),
            "combination must be 'mean' or 'max' with start='identity', got 'add'",
        ),
        (functools.partial(layers.Sequence, ["eca", "dan"]), "start must be 'paper' for DAN"),
        (
            functools.partial(layers.Parallel, [SHUFFLE, "se"]),
            "start must be 'paper' for ShuffleAttention",
        ),
        *(
            (functools.partial(kind, ["eca", module]), "start='identity'.*got SE .*'paper'")
            for kind in (layers.Sequence, layers.Parallel)
            for module in (layers.SE(), ("se", {"start": "paper"}), lambda: layers.SE())
        ),
    ],
)
def test_an_identity_start_that_is_impossible_is_refused(make, message):
    with pytest.raises(layers.IdentityStartError, match=message):
        make(start="identity")


def test_a_configuration_that_mixes_starts_still_makes_its_module():
    config = layers.Sequence(["eca", "se"]).get_config()
    layer = layers.Sequence.from_config({**config, "start": "identity"})
    layer.build(X.shape)
    assert [layer.start, *(member.start for member in layer.members)] == [
        "identity",
        "paper",
        "paper",
    ]


@pytest.mark.parametrize("kind", (layers.Sequence, layers.Parallel))
@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ([], r"modules must be a list of at least one module.*got \[\]"),
        ("eca", r"modules must be a list.*got 'eca'"),
        (3, r"modules must be a list.*got 3"),
        (["eca", "cbma"], "'cbma'.*Did you mean 'cbam'"),
        (["eca", None], "modules must be attention modules, got None"),
        (["eca", keras.layers.ReLU], "modules must be attention modules.*ReLU"),
        (("se", {"reduction_ratio": 4}), r"modules must be attention modules.*reduction_ratio"),
        ([("se", {"ratio": 4})], "ratio"),
        (["sequence"], "'sequence' must be given its modules"),
    ],
)
def test_wrong_modules_are_refused(kind, modules, message):
    with pytest.raises(ValueError, match=message):
        kind(modules)


def test_an_unknown_combination_is_refused():
    with pytest.raises(ValueError, match=r"combination.*'sum'.*'mean', 'add', 'max', 'product'"):
        layers.Parallel(["se"], combination="sum")


@pytest.mark.parametrize(
    ("module", "name"),
    [("gc", "gc"), (GC, "gc"), (SHUFFLE, "shuffle"), (("sequence", {"modules": ["se"]}), "seq")],
)
def test_a_product_refuses_modules_that_do_more_than_multiply(module, name):
    layer = layers.Parallel(["se", module], combination="product")
    with pytest.raises(ValueError, match=f"must only multiply.*got '{name}.*does more"):
        layer.build(X.shape)


def test_a_product_takes_a_module_that_only_multiplies_as_it_is_configured():
    modules = ["se", ("gc", {"fusion": "mul"})]
    layer = built(("parallel", {"modules": modules, "combination": "product"}), X.shape)
    se, gc = by_hand(layer, modules)
    close(to_numpy(layer(X)), to_numpy(se(X)) * to_numpy(gc.attention_maps(X)["channel"]))


def test_members_have_the_data_format_of_the_whole():
    layer = layers.Sequence(["eca", ("se", {"data_format": "channels_first"})])
    with pytest.raises(ValueError, match="must have its data_format, got 'channels_first' and"):
        layer.build(X.shape)
