"""Sublayers are as frozen and as quantised as their layer, however that is made or copied."""

import copy
import pickle

import keras
import numpy as np
import pytest
from keras import layers as kl
from layer_probes import CHANNELS, features, randomised, to_numpy

from attention_fer import layers, models
from attention_fer.layers import CBAM, SE, AttentionModule, SpatialAttention
from attention_fer.models.parts.self_attention import (
    GatedPositionalSelfAttention,
    MultiHeadSelfAttention,
    SelfAttention,
)
from attention_fer.training.freezing import freeze

SHAPE = (5, 6, CHANNELS)
CONVIT = {"hidden_dim": 8, "layers": 3, "heads": 4, "mlp_dim": 8, "patch_size": 4}


@keras.saving.register_keras_serializable("tests")
class UnnamedSublayers(AttentionModule):
    """A user's module, whose sublayers have no names."""

    def build(self, input_shape):
        super().build(input_shape)
        self.denses = [kl.Dense(self.channels, dtype=self.dtype_policy) for _ in range(2)]
        self.norm = kl.BatchNormalization(dtype=self.dtype_policy)
        for layer in (*self.denses, self.norm):
            layer.build((None, self.channels))

    def gates(self, inputs, training=None):
        mean = keras.ops.mean(inputs, axis=self.spatial_axes)
        logits = self.denses[1](self.denses[0](mean))
        return {"channel": self.per_channel(self.to_gate(self.norm(logits, training=training)))}


def through_file(name):
    def copied(model, folder):
        model.save(folder / name)
        return keras.saving.load_model(folder / name)

    return copied


COPIES = {
    "itself": lambda model, _: model,
    "loaded": through_file("m.keras"),
    "cloned": lambda model, _: keras.models.clone_model(model),
    "json": lambda model, _: keras.models.model_from_json(model.to_json()),
    "pickled": lambda model, _: pickle.loads(pickle.dumps(model)),
    "copied": lambda model, _: copy.deepcopy(model),
    "legacy": through_file("m.h5"),
}
each_copy = pytest.mark.parametrize("way", COPIES)


def made_frozen(kind):
    return kind(trainable=False)


def frozen_before_build(kind):
    layer = kind()
    layer.trainable = False
    return layer


def frozen_after_build(kind):
    layer = kind()
    layer.build((None, *SHAPE))
    layer.trainable = False
    return layer


def classifier(layer, sequence=False):
    image = keras.Input((2, *SHAPE) if sequence else SHAPE)
    x = kl.Flatten()(layer(image))
    return keras.Model(image, kl.Dense(2, activation="softmax", name="head")(x))


def weights_of(layer):
    """Copies, because training in JAX may reuse the memory of the weights."""
    return [np.array(weight) for weight in layer.get_weights()]


def fitted(model):
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    x = features(4, *model.input_shape[1:], seed=3)
    wrong = to_numpy(model(x)).argmin(axis=1)  # Else a sure network has nothing to learn.
    model.fit(x, wrong, epochs=2, verbose=0)
    return model


FROZEN = [
    *((way, made_frozen, CBAM) for way in COPIES),
    *((way, frozen_after_build, UnnamedSublayers) for way in COPIES),
    ("itself", frozen_before_build, CBAM),
    ("loaded", frozen_before_build, SpatialAttention),
]


@pytest.mark.parametrize(("way", "make", "kind"), FROZEN)
def test_a_frozen_module_learns_nothing_and_uses_its_statistics(way, make, kind, tmp_path):
    model = COPIES[way](randomised(classifier(make(kind)), scale=0.1), tmp_path)
    layer, head = model.layers[1], model.get_layer("head")
    before, start = weights_of(layer), weights_of(head)
    assert len(model.trainable_weights) == 2
    fitted(model)
    for old, new in zip(before, weights_of(layer), strict=True):
        np.testing.assert_array_equal(old, new)
    assert np.abs(weights_of(head)[0] - start[0]).max() > 0
    x = features(3, *SHAPE, scale=3)
    np.testing.assert_array_equal(to_numpy(layer(x, training=True)), to_numpy(layer(x)))


@pytest.mark.parametrize("way", ("loaded", "cloned"))
def test_a_frozen_module_in_a_wrapper_in_a_network(way, tmp_path):
    wrapper = kl.TimeDistributed(CBAM())
    wrapper.trainable = False
    image = keras.Input((2, *SHAPE))
    model = COPIES[way](classifier(keras.Model(image, wrapper(image)), sequence=True), tmp_path)
    before = weights_of(model.layers[1])
    fitted(model)
    for old, new in zip(before, weights_of(model.layers[1]), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_module_that_is_not_frozen_learns_and_moves_its_statistics():
    model = randomised(classifier(CBAM()), scale=0.1)
    before = weights_of(model.layers[1])
    fitted(model)
    after = weights_of(model.layers[1])
    assert all(np.abs(old - new).max() > 0 for old, new in zip(before, after, strict=True))


def test_a_frozen_module_thaws_with_all_its_sublayers():
    layer = CBAM(trainable=False)
    layer.build((None, *SHAPE))
    assert not layer.trainable_weights
    layer.trainable = True
    assert len(layer.trainable_weights) == 7 and layer.spatial.bn.trainable


@each_copy
def test_one_frozen_sublayer_stays_the_only_one(way, tmp_path):
    model = classifier(CBAM())
    model.layers[1].spatial.bn.trainable = False
    model = COPIES[way](COPIES[way](model, tmp_path), tmp_path)
    spatial = model.layers[1].spatial
    names = {weight.path.split("/")[-2] for weight in model.trainable_weights}
    assert names == {"mlp1", "mlp2", "conv", "head"}
    before = weights_of(spatial.bn)
    fitted(model)
    for old, new in zip(before, weights_of(spatial.bn), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.slow
@pytest.mark.parametrize("way", ("loaded", "cloned"))
@pytest.mark.parametrize("name", ("small_resnet", "convit", "vit"))
def test_a_frozen_network_stays_frozen(name, way, tmp_path):
    options = {"attention": ("cbam", {"reduction_ratio": 2})} if name == "small_resnet" else CONVIT
    network = models.build(name, input_shape=(16, 16, 1), classes=2, **options)
    freeze(network)
    left = [weight.path for weight in network.trainable_weights]
    assert 0 < len(left) < len(network.weights) / 4
    again = COPIES[way](network, tmp_path)
    assert [weight.path for weight in again.trainable_weights] == left
    before = {weight.path: to_numpy(weight).copy() for weight in again.weights}
    fitted(again)
    moved = [
        weight.path
        for weight in again.weights
        if np.abs(keras.ops.convert_to_numpy(weight.value) - before[weight.path]).max() > 0
    ]
    assert set(moved) <= set(left)


def quantized(model, mode):
    """Quantises the layers that can be; Keras warns of every other."""
    model.quantize(mode, filters=lambda layer: isinstance(layer, (kl.Dense, kl.EinsumDense)))
    return model


# Quantising compiles each layer anew: all modes are tried with one module in the fast tests.
SLOW_MODES = [pytest.param(mode, marks=pytest.mark.slow) for mode in ("int4", "float8")]
each_mode = pytest.mark.parametrize("mode", ["int8", *SLOW_MODES])


@pytest.mark.parametrize(
    ("mode", "kind", "policy"),
    [
        ("int8", SE, "float32"),
        ("int4", SE, "float32"),
        ("float8", SE, "float32"),
        ("int8", CBAM, "mixed_bfloat16"),
        ("int8", UnnamedSublayers, "float32"),
        *(
            pytest.param(mode, kind, policy, marks=pytest.mark.slow)
            for mode in ("int4", "float8")
            for kind, policy in [(CBAM, "mixed_bfloat16"), (UnnamedSublayers, "float32")]
        ),
    ],
)
def test_a_quantised_module_computes_the_same_when_loaded(mode, policy, kind, tmp_path):
    model = randomised(classifier(kind(dtype=policy)), scale=0.2)
    x = features(3, *SHAPE)
    exact = to_numpy(model(x))
    quantized(model, mode)
    expected = to_numpy(model(x))
    assert np.abs(expected - exact).max() > 0
    for name in ("m.keras", "again.keras"):
        model = through_file(name)(model, tmp_path)
        np.testing.assert_array_equal(to_numpy(model(x)), expected)


@pytest.mark.slow
@each_mode
@pytest.mark.parametrize("way", ("cloned", "json", "pickled", "copied"))
def test_a_copy_of_a_quantised_model_takes_its_weights(mode, way, tmp_path):
    model = quantized(randomised(classifier(CBAM()), scale=0.2), mode)
    gate, again = model.layers[1], COPIES[way](model, tmp_path).layers[1]
    again.set_weights(weights_of(gate))
    x = features(3, *SHAPE)
    np.testing.assert_array_equal(to_numpy(again(x)), to_numpy(gate(x)))


def test_blocks_of_int4_are_as_large_as_they_were(tmp_path):
    model = randomised(classifier(SE(reduction_ratio=2)), scale=0.2)
    config = keras.quantizers.Int4QuantizationConfig(block_size=8)
    model.quantize(config=config, filters="excite")
    again = through_file("m.keras")(model, tmp_path)
    assert again.layers[1].squeeze.quantization_mode is None
    x = features(3, *SHAPE)
    np.testing.assert_array_equal(to_numpy(again(x)), to_numpy(model(x)))


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["int8", SLOW_MODES[0]])
@pytest.mark.parametrize(
    "make",
    (
        lambda: SelfAttention(2),
        lambda: GatedPositionalSelfAttention(4),
        lambda: MultiHeadSelfAttention(2, 4),
    ),
)
def test_quantised_self_attention_computes_the_same_when_loaded(mode, make, tmp_path):
    tokens, layer = keras.Input((4, 8)), make()
    y = layer(tokens, tokens) if isinstance(layer, MultiHeadSelfAttention) else layer(tokens)
    model = quantized(randomised(keras.Model(tokens, y), scale=0.2), mode)
    x = features(3, 4, 8)
    again = through_file("m.keras")(model, tmp_path)
    np.testing.assert_array_equal(to_numpy(again(x)), to_numpy(model(x)))


def policies(**sublayers):
    given = {path.replace("_", "/", 1): policy for path, policy in sublayers.items()}
    return keras.dtype_policies.DTypePolicyMap("float32", given)


def test_policies_by_path_reach_the_sublayers_and_the_file(tmp_path):
    float16 = keras.dtype_policies.get("float16")
    layer = SE(dtype=policies(gate_excite=float16), name="gate")
    model = randomised(classifier(layer), scale=0.2)
    assert (layer.excite.compute_dtype, layer.squeeze.compute_dtype) == ("float16", "float32")
    again = through_file("m.keras")(model, tmp_path)
    assert again.get_layer("gate").excite.compute_dtype == "float16"
    x = features(3, *SHAPE)
    np.testing.assert_array_equal(to_numpy(again(x)), to_numpy(model(x)))


def test_quantised_weights_fit_a_layer_with_their_policies_by_path(tmp_path):
    model = randomised(classifier(SE(name="gate")), scale=0.2)
    model.quantize("int8", filters="squeeze|excite")
    model.save_weights(tmp_path / "m.weights.h5")
    int8 = keras.dtype_policies.get("int8_from_float32")
    other = classifier(SE(dtype=policies(gate_excite=int8, gate_squeeze=int8), name="gate"))
    other.load_weights(tmp_path / "m.weights.h5")
    x = features(3, *SHAPE)
    np.testing.assert_array_equal(to_numpy(other(x)), to_numpy(model(x)))
    again = through_file("m.keras")(other, tmp_path)
    np.testing.assert_array_equal(to_numpy(again(x)), to_numpy(model(x)))


def test_a_layer_with_policies_by_path_can_be_quantised_and_renamed(tmp_path):
    bfloat16 = keras.dtype_policies.get("mixed_bfloat16")
    model = randomised(classifier(SE(dtype=policies(gate_excite=bfloat16), name="gate")), scale=0.2)
    model.quantize("int8", filters="squeeze|excite")
    again = through_file("m.keras")(model, tmp_path)
    x = features(3, *SHAPE)
    np.testing.assert_array_equal(to_numpy(again(x)), to_numpy(model(x)))
    other = layers.get(model.get_layer("gate"), name="other")
    other.build((None, *SHAPE))
    found = [layer.dtype_policy.name for layer in (other.squeeze, other.excite)]
    assert found == ["int8_from_float32", "int8_from_mixed_bfloat16"]


def test_the_policy_of_one_sublayer_is_in_the_configuration():
    layer = SE()
    layer.build((None, *SHAPE))
    assert "sublayers" not in layer.get_config()
    layer.excite.dtype_policy = "float16"
    again = SE.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()  # Also before it is built.
    again.build((None, *SHAPE))
    assert again.excite.compute_dtype == "float16" and again.squeeze.compute_dtype == "float32"


def test_states_of_another_version_are_refused():
    layer = SE(trainable=True)
    layer.build((None, *SHAPE))
    layer.excite.trainable = False
    config = {**layer.get_config(), "name": "old"}
    config["sublayers"] = config["sublayers"][:1]
    with pytest.raises(ValueError, match="'old' must describe its 2 sublayers, got 1"):
        SE.from_config(config).build((None, *SHAPE))
