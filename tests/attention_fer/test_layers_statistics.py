"""Modules whose gates follow from statistics against NumPy, and what is special about each."""

import keras
import numpy as np
import pytest
import reference_statistics as reference
from layer_probes import (
    CHANNELS,
    built,
    channels_first,
    features,
    gradients,
    kind_of,
    to_numpy,
    weights_of,
    with_options,
)

from attention_fer import layers

SHAPES = {1: (3, 13, CHANNELS), 2: (3, 9, 6, CHANNELS), 3: (3, 5, 4, 6, CHANNELS)}
SPECS = [
    ("simam", {}),
    ("simam", {"e_lambda": 0.5}),
    ("srm", {}),
    ("ese", {}),
    ("gct", {}),
    ("gct", {"epsilon": 5.0}),
    ("gct", {"norm": "l1"}),
    ("gct", {"norm": "l1", "epsilon": 5.0}),
    ("nam", {}),
    ("pfaam", {}),
    ("pfaam", {"use_bn": True}),
    ("sge", {"groups": 8}),
    ("sge", {"groups": 1}),
    ("sge", {"groups": CHANNELS}),
]
# Those with sums of squares or of absolute values over a map.
SUMMING = [
    spec for spec in SPECS if spec[0] in ("simam", "srm", "gct", "sge") and "epsilon" not in spec[1]
]
# Numbers of trainable weights for C channels.
SIZES = {
    "simam": lambda c: 0,
    "srm": lambda c: 4 * c,
    "ese": lambda c: c * c + c,
    "gct": lambda c: 3 * c,
    "nam": lambda c: 2 * c,
    "pfaam": lambda c: 0,
    "sge": lambda c: 2 * 8,
}
each_spec = pytest.mark.parametrize("spec", SPECS, ids=lambda s: f"{s[0]}{list(s[1].values())}")
each_format = pytest.mark.parametrize("data_format", ("channels_last", "channels_first"))


def close(got, expected, rtol=2e-5, atol=2e-6):
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol)


def reference_gate(spec, layer, x):
    options = {key: value for key, value in spec[1].items() if key != "use_bn"}
    return getattr(reference, spec[0])(x.astype("float64"), *weights_of(layer), **options)


@each_spec
@each_format
@pytest.mark.parametrize("rank", (1, 2, 3))
def test_gate_and_output_equal_the_reference(spec, data_format, rank):
    x = features(*SHAPES[rank])
    first = data_format == "channels_first"
    given = channels_first(x) if first else x
    layer = built(with_options(spec, data_format=data_format), given.shape)
    gate = reference_gate(spec, layer, x)
    assert np.ptp(gate, axis=-1).max() > 1e-2 or spec == ("sge", {"groups": 1})
    (found,) = layer.attention_maps(given).values()
    # In float32, means near zero are inexact, and SGE divides by deviations as small as they are.
    close(to_numpy(found), channels_first(gate) if first else gate, atol=3e-5)
    close(to_numpy(layer(given)), channels_first(x * gate) if first else x * gate, atol=3e-5)


@pytest.mark.parametrize("spec", [("srm", {}), ("ese", {}), ("sge", {"groups": 4})], ids=str)
def test_the_identity_start_doubles_the_gate(spec):
    x = features(*SHAPES[2])
    spec = with_options(spec, start="identity")
    layer = built(spec, x.shape)
    (found,) = layer.attention_maps(x).values()
    close(to_numpy(found), reference_gate(spec, layer, x))
    assert to_numpy(found).max() > 1


@each_spec
def test_maps_of_one_pixel_have_no_variance(spec):
    x = features(4, 1, 1, CHANNELS)
    layer = built(spec, x.shape)
    close(to_numpy(layer(x)), x * reference_gate(spec, layer, x))


@pytest.mark.parametrize("channels", (CHANNELS, 64))
@pytest.mark.parametrize("name", SIZES)
def test_the_number_of_weights_follows_the_formula(name, channels):
    options = {"groups": 8} if name == "sge" else {}
    layer = built((name, options), (None, 4, 4, channels))
    assert sum(np.prod(v.shape) for v in layer.trainable_weights) == SIZES[name](channels)


@pytest.mark.parametrize(("name", "gate"), [("srm", 0.5), ("sge", 1 / (1 + np.exp(-1)))])
def test_fresh_gates_are_those_of_the_authors(name, gate):
    layer = layers.get((name, {"groups": 8} if name == "sge" else {}))
    (found,) = layer.attention_maps(features(*SHAPES[2])).values()
    close(to_numpy(found), np.full(found.shape, gate))


def test_a_fresh_gct_returns_its_input_and_the_norm_starts_with_alpha_one():
    x = features(*SHAPES[2])
    layer = layers.get("gct")
    np.testing.assert_array_equal(to_numpy(layer(x)), x)
    np.testing.assert_array_equal(to_numpy(layer.alpha), np.ones(CHANNELS))


def test_the_kernel_of_ese_starts_as_that_of_the_authors():
    layer = layers.get("ese")
    layer.build((None, 4, 4, 256))
    kernel, bias = layer.get_weights()
    assert np.abs(bias).max() == 0
    close(kernel.std(), np.sqrt(2 / 256), rtol=0.02)


def training(name, data_format="channels_last", seed=4):
    """Gates in training, with batch statistics; the layer, and its statistics before."""
    x = features(4, 5, 6, CHANNELS, seed=seed)
    given = channels_first(x) if data_format == "channels_first" else x
    options = {"use_bn": True} if name == "pfaam" else {}
    layer = built((name, {**options, "data_format": data_format}), given.shape)
    weights = weights_of(layer)
    y = to_numpy(layer(given, training=True))
    return x, np.moveaxis(y, 1, -1) if y.shape[1] == CHANNELS else y, layer, weights


@pytest.mark.parametrize(("name", "momentum"), [("srm", 0.9), ("nam", 0.9), ("pfaam", 0.99)])
@each_format
def test_training_normalises_by_the_batch_and_updates_the_statistics(name, momentum, data_format):
    x, y, layer, weights = training(name, data_format)
    normalised = reference.styles(x, *weights[:2]) if name == "srm" else x.reshape(-1, CHANNELS)
    mean, variance = normalised.mean(0), normalised.var(0)
    gate = getattr(reference, name)(x, *weights[:-2], mean, variance)
    close(y, x * gate, rtol=2e-4, atol=2e-5)
    after = layer.bn.get_weights()[2:]
    for new, old, now in zip(after, weights[-2:], (mean, variance), strict=True):
        close(new, momentum * old + (1 - momentum) * now, rtol=1e-4, atol=1e-6)


def slopes(loss, at, step=1e-5):
    """The gradient by central differences."""
    return np.array([(loss(at + d) - loss(at - d)) / (2 * step) for d in step * np.eye(len(at))])


def test_no_gradient_flows_through_the_shares_of_nam():
    x = features(3, 4, 5, CHANNELS)
    layer = built("nam", x.shape)
    gamma, beta, *_ = weights_of(layer)
    flat = x.astype("float64").reshape(-1, CHANNELS)
    z = (x - flat.mean(0)) / np.sqrt(flat.var(0) + 1e-5)
    weights = np.random.default_rng(5).normal(size=x.shape)  # Those of `gradients`.

    def share(scales):
        return np.abs(scales) / np.abs(scales).sum()

    def loss(scales, shares):
        return (weights * x * reference.sigmoid(shares * (scales * z + beta))).sum()

    expected = slopes(lambda g: loss(g, share(gamma)), gamma)
    through = slopes(lambda g: loss(g, share(g)), gamma)
    assert np.abs(expected - through).max() > 0.1
    close(gradients(layer, x)[0], expected, rtol=1e-3, atol=1e-4)


class Shifted(keras.layers.Layer):
    """Adds a weight to the input of a layer, so that its gradient is that of the input."""

    def __init__(self, layer, **kwargs):
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, shape):
        self.shift = self.add_weight(shape=shape, initializer="zeros", name="shift")

    def call(self, inputs, training=None):
        return self.layer(inputs + self.shift, training=training)


@each_spec
@pytest.mark.parametrize("value", (0, 1))
def test_a_constant_map_has_finite_gradients(spec, value):
    x = np.full((2, 4, 5, CHANNELS), value, "float32")
    shifted = Shifted(built(spec, x.shape))
    shifted.build(x.shape)
    found = gradients(shifted, x)
    assert len(found) == 1 + len(shifted.layer.trainable_weights)
    assert all(np.isfinite(g).all() for g in found) and np.abs(found[0]).max() > 0


def test_a_quantised_ese_computes_the_same_when_loaded(tmp_path):
    image = keras.Input(SHAPES[2][1:])
    model = keras.Model(image, built("ese", (None, *image.shape[1:]), scale=0.1)(image))
    x = features(*SHAPES[2])
    exact = to_numpy(model(x))
    model.quantize("int8", filters="fc")
    quantised = to_numpy(model(x))
    assert 0 < np.abs(quantised - exact).max() < 0.05 * np.abs(exact).max()
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(to_numpy(again(x)), quantised)


@pytest.mark.parametrize("policy", ("mixed_float16", "float16"))
@pytest.mark.parametrize("spec", SUMMING, ids=str)
def test_statistics_beyond_half_precision_are_float32(spec, policy):
    x = features(1, 48, 48, CHANNELS, scale=60.0)
    exact, rounded = built(spec, x.shape, scale=0.1), layers.get(with_options(spec, dtype=policy))
    rounded.build(x.shape)
    rounded.set_weights(exact.get_weights())
    half = x.astype("float16").astype("float32")
    close(to_numpy(rounded(half)), to_numpy(exact(half)), rtol=2e-2, atol=0.1)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (("simam", {"e_lambda": 0}), "e_lambda must be a number above 0, got 0"),
        (("simam", {"e_lambda": "1e-4"}), "e_lambda must be a number above 0, got '1e-4'"),
        (("gct", {"epsilon": -1e-5}), "epsilon must be a number above 0, got -1e-05"),
        (("gct", {"norm": "l3"}), r"norm: 'l3'.*'l2', 'l1'"),
        (("sge", {"groups": 0}), "groups must be an integer"),
        (("sge", {"groups": 7}), r"groups must divide.*got 7 for 32 channels.*1, 2, 4, 8, 16, 32"),
        (("sge", {}), r"groups must divide.*got 64 for 32 channels.*1, 2, 4, 8, 16, 32"),
    ],
    ids=str,
)
def test_a_bad_argument_is_refused_with_good_values(spec, message):
    with pytest.raises(ValueError, match=message):
        layers.get(spec).build((None, 4, 4, CHANNELS))


def test_the_bounds_of_the_gates_of_simam_are_reached():
    gate = layers.get("simam").attention_maps(features(2, 40, 40, CHANNELS))["all"]
    assert 0.62 < to_numpy(gate).min() < 0.623 and 0.98 < to_numpy(gate).max() < 1
    assert kind_of(("simam", {}))().gate_range("all") == (0.62, 1.0)
