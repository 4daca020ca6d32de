"""What every registered module promises: shapes, precision, maps, and the identity start."""

import keras
import numpy as np
import pytest
from keras import ops
from layer_probes import (
    CHANNELS,
    IDENTITY,
    REFUSING,
    SPECS,
    built,
    channels_first,
    features,
    gradients,
    recombined,
    takes,
    to_numpy,
    with_options,
)

from attention_fer import layers

# Of the weights on large maps, where smaller ones would leave the input as it is.
LARGE_SCALE = {"gc": 2, "van_attention": 0.08}
# Of the weights of modules whose gates grow with them, so that outputs stay of the size of inputs.
SCALE = {"dan": 0.04}
# On a flat map a normalisation over the positions leaves nothing but rounding.
NORMALISING = ("ema",)
# Modules whose gates are one where the values of the input are large.
SATURATED = ("pfaam",)
POLICIES = ("float32", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16")
each_spec = pytest.mark.parametrize("spec", SPECS, ids=str)
each_identity = pytest.mark.parametrize("spec", IDENTITY, ids=str)
each_sigmoid = pytest.mark.parametrize(
    "name", ("se", "eca", "cbam", "cbam_channel", "cbam_spatial")
)


def policies(*quick):
    """Each policy; all but the `quick` ones in the slow tests."""
    others = [pytest.param(p, marks=pytest.mark.slow) for p in POLICIES if p not in quick]
    return pytest.mark.parametrize("policy", [*quick, *others])


SHAPES = {1: (2, 9, CHANNELS), 2: (2, 7, 5, CHANNELS), 3: (2, 4, 3, 5, CHANNELS)}
# All policies on images, two on sequences and volumes.
EVERY = [
    pytest.param(spec, policy, shape, marks=[pytest.mark.slow] if rank == 3 else [])
    for spec in SPECS
    for policy in POLICIES
    for rank, shape in SHAPES.items()
    if takes(spec, rank) and (rank == 2 or policy in ("float32", "mixed_float16"))
]


def precision(policy):
    return 3e-2 if policy.endswith("bfloat16") else 4e-3 if policy != "float32" else 1e-6


def under(spec, policy, x, scale):
    """The same weights in a float32 layer and in one under `policy`."""
    exact = built(spec, x.shape, scale=scale)
    rounded = layers.get(with_options(spec, dtype=policy))
    rounded.build(x.shape)
    rounded.set_weights(exact.get_weights())
    return exact, rounded


@pytest.mark.parametrize(("spec", "policy", "shape"), EVERY, ids=str)
def test_the_output_has_the_compute_dtype_and_the_right_value(spec, policy, shape):
    x = features(*shape)
    exact, rounded = under(spec, policy, x, scale=SCALE.get(spec[0], 0.2))
    y = rounded(x)
    assert keras.backend.standardize_dtype(y.dtype) == rounded.compute_dtype
    assert {v.dtype for v in rounded.weights} <= {rounded.variable_dtype, "float32"}
    np.testing.assert_allclose(to_numpy(y), to_numpy(exact(x)), atol=4 * precision(policy))


@each_spec
@policies("float16", "mixed_float16")  # those whose range is small
def test_large_maps_of_large_values_do_not_overflow(spec, policy):
    shape = (1, 64, 64, CHANNELS)
    flat = spec[0] not in NORMALISING
    x = np.full(shape, 100, "float32") if flat else features(*shape, scale=100)
    exact, rounded = under(spec, policy, x, scale=LARGE_SCALE.get(spec[0], 0.002))
    y, expected = to_numpy(rounded(x)), to_numpy(exact(x))
    assert np.isfinite(expected).all()
    assert np.median(np.abs(expected - x)) > 1 or spec[0] in SATURATED
    # A gate without an activation may be near zero beside others that are not.
    near = precision(policy) * expected.std()
    np.testing.assert_allclose(y, expected, rtol=8 * precision(policy), atol=near)


@each_spec
@pytest.mark.parametrize("data_format", ("channels_last", "channels_first"))
def test_gates_and_terms_make_the_output_also_of_an_unbuilt_layer(spec, data_format):
    x = features(2, 6, 8, CHANNELS)
    x = x if data_format == "channels_last" else channels_first(x)
    layer = layers.get(with_options(spec, data_format=data_format))
    shown = {**layer.attention_maps(x), **layer.attention_terms(x)}
    assert shown and layer.built
    for value in shown.values():
        assert np.broadcast_shapes(tuple(value.shape), x.shape) == x.shape
    np.testing.assert_allclose(to_numpy(layer(x)), recombined(layer, x), rtol=1e-6, atol=1e-6)


@each_spec
def test_gates_lie_in_the_range_that_the_module_names(spec):
    for start in ("paper", "identity") if spec in IDENTITY else ("paper",):
        layer = built(with_options(spec, start=start), (None, None, None, CHANNELS))
        for scale in (1.0, 100.0):
            for name, gate in layer.attention_maps(
                features(2, 6, 7, CHANNELS, scale=scale)
            ).items():
                low, high = layer.gate_range(name)
                assert low is None or to_numpy(gate).min() >= low
                assert high is None or to_numpy(gate).max() <= high


@each_spec
def test_maps_of_one_pixel_give_numbers(spec):
    x = features(3, 1, 1, CHANNELS)
    layer = built(spec, x.shape)
    for training in (False, True):
        assert np.isfinite(to_numpy(layer(x, training=training))).all()


@pytest.mark.parametrize("spec", REFUSING, ids=str)
def test_a_module_that_cannot_start_as_the_identity_says_why(spec):
    with pytest.raises(layers.IdentityStartError, match="start must be 'paper' for .{40,}"):
        layers.get(with_options(spec, start="identity"))


@each_spec
def test_one_layer_takes_maps_of_any_size(spec):
    layer = built(spec, (None, None, None, CHANNELS))
    image = keras.Input((None, None, CHANNELS))
    model = keras.Model(image, layer(image))
    assert model.output_shape == (None, None, None, CHANNELS)
    for size in ((3, 8, 6), (1, 13, 5)):
        x = features(*size, CHANNELS)
        expected = recombined(layer, x)
        np.testing.assert_allclose(to_numpy(layer(x)), expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(to_numpy(model(x)), expected, rtol=1e-5, atol=1e-5)


@each_spec
def test_samples_of_a_batch_do_not_see_each_other_in_inference(spec):
    x = features(4, 6, 5, CHANNELS)
    layer = built(spec, x.shape)
    alone = np.concatenate([to_numpy(layer(x[i : i + 1])) for i in range(4)])
    # PyTorch sums in another order for other sizes of a batch.
    np.testing.assert_allclose(to_numpy(layer(x)), alone, rtol=1e-4, atol=1e-6)


@each_identity
@policies("float32", "mixed_float16", "mixed_bfloat16")
@pytest.mark.parametrize("data_format", ("channels_last", "channels_first"))
def test_the_identity_start_returns_the_input_bit_for_bit(spec, policy, data_format):
    x = features(2, 6, 5, CHANNELS, scale=10)
    x = x if data_format == "channels_last" else channels_first(x)
    options = {"start": "identity", "dtype": policy, "data_format": data_format}
    layer = layers.get(with_options(spec, **options))
    same = ops.convert_to_tensor(x, layer.compute_dtype)
    for training in (False, True):
        y = layer(x, training=training)
        np.testing.assert_array_equal(to_numpy(y), to_numpy(same))


@each_identity
def test_the_identity_start_can_learn(spec):
    x = features(3, 6, 5, CHANNELS)
    layer = layers.get(with_options(spec, start="identity"))
    layer.build(x.shape)
    found = gradients(layer, x)
    assert all(np.isfinite(g).all() for g in found)
    assert max(np.abs(g).max() for g in found) > 1e-3
    for weight, gradient in zip(layer.trainable_variables, found, strict=True):
        weight.assign(weight - 0.01 * gradient)
    assert np.abs(to_numpy(layer(x)) - x).max() > 1e-3


@each_sigmoid
def test_the_paper_start_does_not_return_the_input(name):
    x = features(2, 6, 5, CHANNELS)
    y = to_numpy(layers.get(name)(x))
    assert np.all(np.abs(y) < np.abs(x))


@each_sigmoid
def test_identity_gates_reach_above_one_and_paper_gates_do_not(name):
    x = features(2, 6, 5, CHANNELS)
    twice = built((name, {"start": "identity"}), x.shape)
    once = built(name, x.shape)
    for key, gate in once.attention_maps(x).items():
        doubled = to_numpy(twice.attention_maps(x)[key])
        assert doubled.max() > 1 > to_numpy(gate).max()
        if key == "channel":
            np.testing.assert_allclose(doubled, 2 * to_numpy(gate), rtol=1e-6)
