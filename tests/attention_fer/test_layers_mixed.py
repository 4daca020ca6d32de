"""GC, DAN, EMA, FcaNet and shuffle attention against NumPy, with all their options."""

import keras
import numpy as np
import pytest
import reference_mixed as reference
from layer_probes import (
    CHANNELS,
    built,
    channels_first,
    features,
    product,
    randomised,
    readable,
    to_numpy,
    with_options,
)
from reference import sigmoid

from attention_fer import layers

SHAPES = {1: (2, 13, CHANNELS), 2: (2, 9, 6, CHANNELS), 3: (2, 5, 4, 6, CHANNELS)}


def gc(x, layer):
    _, gates, terms = reference.gc(x, layer)
    return product(x, gates) + sum(terms.values())


def gated_by(module):
    return lambda x, layer: product(x, module(x, layer))


CASES = [
    *((("gc", {"reduction_ratio": 4, "fusion": f}), gc) for f in ("add", "mul", "both")),
    (("gc", {}), gc),
    (("dan", {}), gated_by(reference.dan)),
    (("dan", {"hidden": 5}), gated_by(reference.dan)),
    *((("ema", {"groups": n}), gated_by(reference.ema)) for n in (1, 8, 32)),
    (("fca", {}), gated_by(reference.fca)),
    (("fca", {"frequencies": 4, "reduction_ratio": 3}), gated_by(reference.fca)),
    (("fca", {"size": (8, 15), "reduction_ratio": 8}), gated_by(reference.fca)),
    (("shuffle", {"groups": 4}), reference.shuffle),
    (("shuffle", {"groups": 1}), reference.shuffle),
]
EVERY = [
    (*case, rank) for case in CASES for rank in SHAPES if rank in type(layers.get(case[0])).ranks
]
each_case = pytest.mark.parametrize(("spec", "formula", "rank"), EVERY, ids=readable)
each_fusion = pytest.mark.parametrize("fusion", ("add", "mul", "both"))


def scale(spec):
    """Spread of the weights; DAN sums over all channels, and its channel gates would saturate."""
    return 0.1 if spec[0] == "dan" else 0.3


def close(got, expected, tolerance=2e-5):
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


@each_case
def test_the_output_equals_the_reference(spec, formula, rank):
    x = features(*SHAPES[rank])
    for start in ("paper", "identity"):
        if start == "identity" and type(layers.get(spec)).no_identity:
            continue
        layer = built(with_options(spec, start=start), x.shape, scale=scale(spec))
        expected = formula(x.astype("float64"), layer)
        assert np.abs(expected - x).max() > 0.1
        close(to_numpy(layer(x)), expected)


@each_case
def test_channels_first_is_the_same_up_to_the_order_of_the_axes(spec, formula, rank):
    x = features(*SHAPES[rank], seed=3)
    given = with_options(spec, data_format="channels_first")
    layer = built(given, channels_first(x).shape, 2, scale(spec))
    close(to_numpy(layer(channels_first(x))), channels_first(formula(x.astype("float64"), layer)))


@each_fusion
def test_gc_shows_its_gate_its_term_and_where_it_looks(fusion):
    x = features(*SHAPES[2])
    options = {"reduction_ratio": 4, "fusion": fusion}
    for data_format in ("channels_last", "channels_first"):
        last = data_format == "channels_last"
        given = x if last else channels_first(x)
        layer = built(("gc", {**options, "data_format": data_format}), given.shape)
        shown = (layer.attention_views(given), layer.attention_maps(given))
        mask, gates, terms = reference.gc(x.astype("float64"), layer)
        for found, expected in zip(
            (*shown, layer.attention_terms(given)), ({"spatial": mask}, gates, terms), strict=True
        ):
            assert list(found) == list(expected)
            for name, value in expected.items():
                close(to_numpy(found[name]), value if last else channels_first(value))


@pytest.mark.parametrize("rank", SHAPES)
def test_dan_normalises_by_the_batch_in_training_and_moves_its_statistics(rank):
    x = features(3, *SHAPES[rank][1:], seed=4)
    layer = built("dan", x.shape, scale=0.1)
    norms = (layer.reduce_bn, *layer.bns, layer.squeeze_bn)
    before, seen = [reference.weights(bn) for bn in norms], []

    def of_the_batch(z):
        axes = tuple(range(z.ndim - 1))
        seen.append((z.mean(axes), z.var(axes)))
        return seen[-1]

    gates = reference.dan(x.astype("float64"), layer, of_the_batch)
    # Three samples make the normalised means of the channel gate sensitive to rounding.
    close(to_numpy(layer(x, training=True)), product(x, gates), 2e-3)
    for old, bn, (mean, variance) in zip(before, norms, seen, strict=True):
        after = reference.weights(bn)
        np.testing.assert_allclose(after[2], 0.9 * old[2] + 0.1 * mean, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(after[3], 0.9 * old[3] + 0.1 * variance, rtol=1e-3, atol=1e-3)


EPSILON_CASES = [
    (("gc", {"reduction_ratio": 4}), gc, 0.5),
    (("dan", {}), gated_by(reference.dan), 0.03),
    (("ema", {"groups": 8}), gated_by(reference.ema), 0.5),
    (("shuffle", {"groups": 4}), reference.shuffle, 0.5),
]


@pytest.mark.parametrize(("spec", "formula", "scale"), EPSILON_CASES, ids=readable)
def test_the_normalisations_have_the_authors_epsilon(spec, formula, scale):
    """With variances near it, epsilon decides the output."""
    x = features(*SHAPES[2], scale=1e-3)
    layer = built(spec, x.shape, scale=scale)
    for weight in layer.weights:
        if weight.path.endswith("moving_variance"):
            weight.assign(np.full(weight.shape, 1e-4))
        elif weight.path.endswith("reduce/bias"):
            weight.assign(np.zeros(weight.shape))
    change = formula(x.astype("float64"), layer) - x
    assert np.abs(change).max() > 1e-4
    np.testing.assert_allclose(to_numpy(layer(x)) - x, change, rtol=1e-3, atol=1e-7)


def parameters(spec, channels=CHANNELS, rank=2):
    layer = layers.get(spec)
    layer.build((None, *[None] * rank, channels))
    return sum(int(np.prod(w.shape)) for w in layer.trainable_weights)


@pytest.mark.parametrize("channels", (32, 48))
def test_the_numbers_of_weights_follow_the_formulas(channels):
    c, p, k = channels, channels // 4, channels // 8
    branch = 2 * c * p + c + 3 * p
    for fusion, branches in (("add", 1), ("mul", 1), ("both", 2)):
        spec = ("gc", {"reduction_ratio": 4, "fusion": fusion})
        assert parameters(spec, c) == branches * branch + c + 1
    assert parameters(("ema", {"groups": 8}), c) == 10 * k**2 + 4 * k
    assert parameters(("fca", {"reduction_ratio": 4}), c) == 2 * c * p
    assert parameters(("shuffle", {"groups": 4}), c) == 6 * c // 8
    half, hidden = c // 2, 7
    spatial = c * half + 3 * half + (9 + 3 + 3) * half * c + 3 * 3 * c
    assert parameters(("dan", {"hidden": 7}), c) == spatial + 2 * c * hidden + c + 3 * hidden


def test_the_numbers_of_the_papers():
    assert parameters(("gc", {"reduction_ratio": 4})) == 601
    assert parameters("shuffle", 256) == 12
    assert parameters("dan", 512) == 2_135_904


@pytest.mark.parametrize(
    ("name", "options", "channels", "message"),
    [
        ("ema", {"groups": 5}, 32, r"groups must divide.*got 5 for 32.*1, 2, 4, 8, 16, 32\."),
        ("fca", {}, 24, r"frequencies must divide.*got 16 for 24.*1, 2, 3, 4, 6, 8, 12\."),
        ("fca", {"reduction_ratio": 33}, 32, "reduction_ratio.*33.*32 channels"),
        ("shuffle", {}, 32, r"2 times groups must divide.*got 64 for 32.*1, 2, 4, 8, 16\."),
        ("shuffle", {"groups": 1}, 33, r"2 times groups.*got 1 for 33.*No value of groups does"),
        ("gc", {"reduction_ratio": 33}, 32, "reduction_ratio.*33.*32 channels"),
    ],
)
def test_channels_that_do_not_fit_are_refused_with_what_does(name, options, channels, message):
    with pytest.raises(ValueError, match=message):
        layers.get((name, options)).build((None, 7, 7, channels))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("gc", {"fusion": "sum"}, r"fusion.*'sum'.*'add', 'mul', 'both'"),
        ("gc", {"reduction_ratio": 0.25}, "reduction_ratio.*integer.*0.25"),
        ("dan", {"hidden": 0}, "hidden.*integer.*0"),
        ("ema", {"groups": 0}, "groups.*integer.*0"),
        ("shuffle", {"groups": True}, "groups.*integer.*True"),
        ("fca", {"frequencies": 17}, "frequencies must be from 1 to 16, got 17"),
        ("fca", {"size": 6}, "size must be one number or two, of at least 7, got 6"),
        ("fca", {"size": (7, 7, 7)}, r"size must be one number or two.*got \(7, 7, 7\)"),
        ("fca", {"size": (7, 7.0)}, "size.*integer.*7.0"),
    ],
)
def test_wrong_options_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        layers.get((name, options))


def test_fca_takes_24_channels_with_fewer_frequencies():
    x = features(2, 6, 6, 24)
    layer = built(("fca", {"frequencies": 12}), x.shape)
    close(to_numpy(layer(x)), gated_by(reference.fca)(x.astype("float64"), layer))


def test_the_first_frequency_of_fca_is_a_multiple_of_the_mean():
    """On a map as large as the cells it is squeeze and excitation of `sqrt(pixels)` means."""
    x = features(2, 7, 7, CHANNELS)
    layer = built(("fca", {"frequencies": 1, "reduction_ratio": 4}), x.shape)
    se = layers.SE(reduction_ratio=4, use_bias=False)
    se.build(x.shape)
    se.set_weights([7 * layer.squeeze.get_weights()[0], *layer.excite.get_weights()])
    close(to_numpy(layer(x)), to_numpy(se(x)))


def test_a_fresh_gate_is_what_the_authors_start_with():
    x = features(2, 6, 5, CHANNELS)
    np.testing.assert_array_equal(to_numpy(layers.get("gc")(x)), x)
    half = layers.get(("gc", {"fusion": "mul"})).attention_maps(x)["channel"]
    np.testing.assert_array_equal(to_numpy(half), np.full((2, 1, 1, CHANNELS), 0.5, "float32"))
    (gate,) = layers.get(("shuffle", {"groups": 4})).attention_maps(x).values()
    close(to_numpy(gate), np.full(x.shape, sigmoid(1.0)))


def test_ema_weighs_its_first_map_by_beta_alone():
    x = features(2, 9, 8, CHANNELS)
    layer = built(("ema", {"groups": 4}), x.shape)
    beta = np.asarray(layer.norm.beta)
    layer.norm.gamma.assign(np.zeros(8))
    layer.conv.set_weights([np.zeros((3, 3, 8, 8)), np.arange(8.0)])
    shares = (reference.softmax(z, 0) for z in (beta, np.arange(8.0)))
    logit = next(shares) @ np.arange(8.0) + next(shares) @ beta
    (gate,) = layer.attention_maps(x).values()
    close(to_numpy(gate), np.full(x.shape, sigmoid(logit)), 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ("dan", "ema", "fca", "gc", "shuffle"))
def test_quantised_modules_compute_the_same_when_loaded(name, tmp_path):
    options = {"ema": {"groups": 8}, "shuffle": {"groups": 4}}.get(name, {})
    image = keras.Input((5, 6, CHANNELS))
    model = randomised(keras.Model(image, layers.get((name, options))(image)), scale=0.2)
    x = features(3, 5, 6, CHANNELS)
    exact = to_numpy(model(x))
    model.quantize("int8", filters=lambda layer: isinstance(layer, keras.layers.Dense))
    expected = to_numpy(model(x))
    assert (np.abs(expected - exact).max() > 0) == (name != "shuffle")
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(to_numpy(again(x)), expected)
